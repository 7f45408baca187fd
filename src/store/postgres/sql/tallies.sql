-- Counts by the minute, from a moment on, oldest first. Index: the primary key.
select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran
from duckdive.tally where minute >= :since::bigint order by minute, queue, job
