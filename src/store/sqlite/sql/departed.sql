-- The workers that are gone, newest first. Index: the primary key.
select id, host, pid, release, started_at, heartbeat_at, ended_at, how, cause, lost, runs
from duckdive_departed order by number desc limit :limit
