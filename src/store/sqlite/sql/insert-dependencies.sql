-- Writes down what a run comes after, and which of it is fine already. Index: the unique one of id.
insert into duckdive_dependency (run, needs, done)
select :run, needed.id, needed.state = 'succeeded' or (:letsGo = 1 and needed.state in ('failed', 'cancelled'))
from json_each(:ids) as asked cross join duckdive_run as needed on needed.id = asked.value
where true
on conflict (run, needs) do nothing
