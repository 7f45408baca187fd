-- Counts what shares of a queue were given. Index: the primary key.
insert into duckdive_turn (queue, fair, turn)
select :queue, value ->> 0, value ->> 1 from json_each(:turns) where true
on conflict (queue, fair) do update set turn = excluded.turn
