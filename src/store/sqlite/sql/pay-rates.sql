-- Moves the arrival times of rates at which runs have started. Index: the primary key.
insert into duckdive_rate (gate, arrival, held_until, over_at)
select value ->> 0, value ->> 1, 0, value ->> 2 from json_each(:rates) where true
on conflict (gate) do update set arrival = excluded.arrival, over_at = max(excluded.over_at, held_until)
