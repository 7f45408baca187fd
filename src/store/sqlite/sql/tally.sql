-- Adds what a worker has seen of a job's runs in a queue to the counts of that minute. Index: the primary key.
insert into duckdive_tally (minute, queue, job, succeeded, failed, cancelled, retried, waited, ran)
values (:minute, :queue, :job, :succeeded, :failed, :cancelled, :retried, :waited, :ran)
on conflict (minute, queue, job) do update set
  succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed,
  cancelled = cancelled + excluded.cancelled, retried = retried + excluded.retried,
  waited = waited + excluded.waited, ran = ran + excluded.ran
