-- Publishes what a worker has of its jobs; an older version never replaces a newer one. Index: the primary key.
insert into duckdive.definition (job, version, queue, priority, attempts, crashes, prepared, description, events, redact, published_at)
select job, version, queue, priority, attempts, crashes, prepared, description, events, redact, duckdive.now_or(:now::bigint)
from json_to_recordset(:definitions::json) as definition (
  job text, version integer, queue text, priority smallint, attempts integer, crashes integer, prepared boolean,
  description text, events json, redact json
)
order by job
on conflict (job) do update set
  version = excluded.version, queue = excluded.queue, priority = excluded.priority, attempts = excluded.attempts,
  crashes = excluded.crashes, prepared = excluded.prepared, description = excluded.description,
  events = excluded.events, redact = excluded.redact,
  published_at = excluded.published_at
where excluded.version >= definition.version
