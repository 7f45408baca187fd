-- Passes a queue over until a time, unless it is for longer. Index: the primary key.
insert into duckdive_held (queue, until) values (:queue, :until)
on conflict (queue) do update set until = max(until, excluded.until)
