-- Remembers a worker that is about to be taken out, if it is there. Index: the primary key.
insert into duckdive_departed (id, host, pid, release, started_at, heartbeat_at, ended_at, how, cause, lost, runs)
select id, host, pid, release, started_at, heartbeat_at, :now, :how, :cause, :lost, :runs
from duckdive_worker where id = :worker
