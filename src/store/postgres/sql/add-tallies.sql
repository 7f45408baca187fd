-- Adds to the counts by the minute, in the order in which everybody does. Index: the primary key.
insert into duckdive.tally (minute, queue, job, succeeded, failed, cancelled, retried, waited, ran)
select minute, queue, job, sum(succeeded), sum(failed), sum(cancelled), sum(retried), sum(waited), sum(ran)
from json_to_recordset(:tallies::json) as told (
  minute bigint, queue text, job text, succeeded bigint, failed bigint, cancelled bigint, retried bigint,
  waited bigint, ran bigint
)
group by minute, queue, job
order by minute, queue, job
on conflict (minute, queue, job) do update set
  succeeded = tally.succeeded + excluded.succeeded, failed = tally.failed + excluded.failed,
  cancelled = tally.cancelled + excluded.cancelled, retried = tally.retried + excluded.retried,
  waited = tally.waited + excluded.waited, ran = tally.ran + excluded.ran
