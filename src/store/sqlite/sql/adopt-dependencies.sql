-- What a run from another store still comes after, and which of it is fine here. Index: the unique one of id.
insert into duckdive_dependency (run, needs, done)
select :run, asked.value, coalesce((select state = 'succeeded' from duckdive_run where id = asked.value), 0)
from json_each(:ids) as asked where true
on conflict (run, needs) do nothing
