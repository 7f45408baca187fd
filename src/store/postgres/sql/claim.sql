-- Takes runs under a claim; answers how many, or -1 when the worker is not registered.
select duckdive.claim(:worker::text, :claim::uuid, :queues::jsonb, :abilities::jsonb, :now::bigint)
