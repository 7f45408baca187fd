-- Says which version of a job a worker has. Index: the primary key.
insert into duckdive_ability (job, worker, version) values (:job, :worker, :version)
on conflict (job, worker) do update set version = max(version, excluded.version)
