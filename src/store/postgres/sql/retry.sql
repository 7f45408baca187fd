-- Makes failed and cancelled runs ready again; answers for each whether it did.
select duckdive.retry(:ids::uuid[], :now::bigint)
