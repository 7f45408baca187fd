-- Puts runs in line, each at a gate. Index: the primary key.
update duckdive_run
set state = 'waiting', wait_reason = 'admission', wait_on = line.gate, parked_on = line.gate
from (select value ->> 0 as seq, value ->> 1 as gate from json_each(:lines)) as line
where duckdive_run.seq = line.seq
