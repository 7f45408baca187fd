-- Forgets what a worker has. Index: duckdive_ability_worker.
delete from duckdive_ability where worker = :worker
