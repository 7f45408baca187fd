-- Whoever comes after a run, and is not fine with it by now. Indexes: duckdive_dependency_needs and the primary key.
select run.seq, run.id, run.body, run.state = 'waiting' and run.wait_reason in ('dependency', 'preparation'), run.on_parent_failure
from duckdive_dependency as pair cross join duckdive_run as run on run.seq = pair.run
where pair.needs = :needs and pair.done = 0
