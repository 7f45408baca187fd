-- Counts by the minute, oldest first. Index: the primary key.
select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran from duckdive_tally
where minute >= :since order by minute, queue, job
