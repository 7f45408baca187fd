-- A run that did not succeed, of those that one comes after. Indexes: duckdive_dependency_open, the unique one of id.
select needed.id, needed.state, run.on_parent_failure
from duckdive_dependency as pair
cross join duckdive_run as needed on needed.id = pair.needs
cross join duckdive_run as run on run.seq = pair.run
where pair.run = :run and pair.done = 0 and needed.state in ('failed', 'cancelled') limit 1
