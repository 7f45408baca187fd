-- Takes from runs what they do not keep of these places. Index: the primary key.
delete from duckdive_place
where kept = 0
  and (gate, run) in (select cast(value ->> 0 as text), cast(value ->> 1 as integer) from json_each(:places))
