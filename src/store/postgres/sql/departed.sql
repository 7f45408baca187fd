-- The workers that are gone, newest first. Index: the primary key.
select id, host, pid, release, started_at, heartbeat_at, ended_at, how, cause, lost, runs
from duckdive.departed order by number desc limit :limit::bigint
