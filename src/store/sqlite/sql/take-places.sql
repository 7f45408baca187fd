-- Gives runs places at gates; of one that was handed a place, how long it is held. Index: the primary key.
insert into duckdive_place (gate, run, kept)
select value ->> 0, value ->> 1, value ->> 2 from json_each(:places) where true
on conflict (gate, run) do update set kept = excluded.kept
