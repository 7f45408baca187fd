-- Keeps a long output beside its run. Index: the primary key.
insert into duckdive_body (run, output) values (:run, :output)
on conflict (run) do update set output = excluded.output
