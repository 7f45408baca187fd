-- Keeps a long error beside its run. Index: the primary key.
insert into duckdive_body (run, error) values (:run, :error)
on conflict (run) do update set error = excluded.error
