-- Pauses a queue or a job. Pausing twice keeps the first time.
insert into duckdive.pause (kind, name, paused_at) values (:kind::text, :name::text, duckdive.now_or(:now::bigint))
on conflict do nothing
