-- Adds the counts of the minutes before a time to those of an hour. Index: the primary key.
insert into duckdive_tally_hour (minute, queue, job, succeeded, failed, cancelled, retried, waited, ran)
select :hour, queue, job, sum(succeeded), sum(failed), sum(cancelled), sum(retried), sum(waited), sum(ran)
from duckdive_tally where minute < :before group by queue, job
on conflict (minute, queue, job) do update set
  succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed,
  cancelled = cancelled + excluded.cancelled, retried = retried + excluded.retried,
  waited = waited + excluded.waited, ran = ran + excluded.ran
