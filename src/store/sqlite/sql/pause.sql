-- Pauses a queue or a job. Pausing twice keeps the first time.
insert into duckdive_pause (kind, name, paused_at) values (:kind, :name, :now) on conflict do nothing
