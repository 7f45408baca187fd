-- Takes runs under a claim; answers how many, -1 when the worker is not registered, -2 when it must look again, and the
-- gates at which places are to be handed over.
select amount, let_go
from duckdive.claim(:worker::text, :claim::uuid, :queues::jsonb, :abilities::jsonb, :now::bigint, :ageing::bigint)
