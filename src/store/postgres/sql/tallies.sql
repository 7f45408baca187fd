-- Counts by the minute, and where they were rolled up by the hour, from a moment on, oldest first. Indexes: the primary keys.
select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran
from duckdive.tally_hour where minute >= :since::bigint
union all
select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran
from duckdive.tally where minute >= :since::bigint order by minute, queue, job
