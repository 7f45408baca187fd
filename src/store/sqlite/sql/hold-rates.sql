-- Closes rates until a time, unless they are closed for longer. Index: the primary key.
insert into duckdive_rate (gate, arrival, held_until, over_at)
select value, 0, :until, :until from json_each(:gates) where true
on conflict (gate) do update
set held_until = max(held_until, excluded.held_until), over_at = max(over_at, excluded.over_at)
