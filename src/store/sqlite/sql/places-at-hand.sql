-- Which of these places runs have. Index: the primary key.
select place.gate, place.run, place.kept
from json_each(:places) as asked cross join duckdive_place as place
  on place.gate = asked.value ->> 0 and place.run = asked.value ->> 1
