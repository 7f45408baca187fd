-- Keeps a long input beside its run. Index: the primary key.
insert into duckdive_body (run, input) values (:run, :input)
on conflict (run) do update set input = excluded.input
