-- Takes out what a worker has in its code. Index: duckdive_scheduler_worker.
delete from duckdive_scheduler where worker = :worker
