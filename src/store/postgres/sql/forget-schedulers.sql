-- Takes out what workers that are gone had in code. Index: scheduler_worker.
select duckdive.forget_schedulers(:workers::text[], :now::bigint)
