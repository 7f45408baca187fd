-- Counts by the minute, and where they were rolled up by the hour, oldest first. Indexes: the primary keys.
select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran from duckdive_tally_hour
where minute >= :since
union all
select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran from duckdive_tally
where minute >= :since order by minute, queue, job
