-- What a run still comes after, and what becomes of it. Indexes: the unique one of id, duckdive_dependency_open.
select run.on_parent_failure, (
  select json_group_array(pair.needs) from duckdive_dependency as pair where pair.run = run.seq and pair.done = 0
)
from duckdive_run as run where run.id = :id and run.durable & 32 <> 0
