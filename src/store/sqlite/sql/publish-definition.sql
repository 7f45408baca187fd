-- Publishes what a worker has of a job; an older version never replaces a newer one. Index: the primary key.
insert into duckdive_definition (job, version, queue, priority, attempts, crashes, prepared, description, events, redact, published_at)
values (:job, :version, :queue, :priority, :attempts, :crashes, :prepared, :description, :events, :redact, :now)
on conflict (job) do update set
  version = excluded.version, queue = excluded.queue, priority = excluded.priority, attempts = excluded.attempts,
  crashes = excluded.crashes, prepared = excluded.prepared, description = excluded.description,
  events = excluded.events, redact = excluded.redact,
  published_at = excluded.published_at
where excluded.version >= duckdive_definition.version
