-- Moves the virtual time of a queue. Index: the primary key.
insert into duckdive_fair (queue, turn, after) values (:queue, :turn, :after)
on conflict (queue) do update set turn = excluded.turn, after = excluded.after
