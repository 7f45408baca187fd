-- Takes runs under a claim; answers how many, -1 when the worker is not registered, -2 when it must look again.
select duckdive.claim(:worker::text, :claim::uuid, :queues::jsonb, :abilities::jsonb, :now::bigint)
