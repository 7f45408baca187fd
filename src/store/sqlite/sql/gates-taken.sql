-- How many places are taken at some gates, as one JSON text of those at which there are any. Index: the primary key.
select json_group_array(json_array(gate, used))
from (
  select value as gate, (select count(*) from duckdive_place as place where place.gate = value) as used
  from json_each(:gates)
)
where used > 0
