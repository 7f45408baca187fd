-- Sends a job's runs to another queue from now on. Index: the primary key.
insert into duckdive_reroute (job, queue) values (:job, :queue)
on conflict (job) do update set queue = excluded.queue
