-- What must be known of workers to tell the dead from the living, and who still has claims without being registered.
select worker.id, worker.host, worker.pid, worker.process_start, worker.beats,
  worker.lock is not null,
  exists (
    select from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted
      and database = (select oid from pg_database where datname = current_database())
      and classid = ((worker.lock >> 32) & 4294967295)::oid and objid = (worker.lock & 4294967295)::oid
  ),
  exists (select from duckdive.claims as claim where claim.worker = worker.id),
  worker.runner
from duckdive.worker
union all
select distinct claim.worker, '', 0, null, 0::bigint, false, false, true, null::integer from duckdive.claims as claim
where not exists (select from duckdive.worker where worker.id = claim.worker)
