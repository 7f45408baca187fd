-- Whether an execution still owns its run, having waited for a transaction of it that is under way.
select duckdive.owns(:run::uuid, :token::bigint, :claim::uuid)
