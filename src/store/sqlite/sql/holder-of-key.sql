-- The run that holds a unique key, other than one that asks. Of a key with a time it counts whether that was over when the
-- one who asks was requested. Indexes: duckdive_run_unique and duckdive_run_unique_until.
select seq, id, state, wait_reason, requested_at, gates from duckdive_run
where unique_key = :key and instr(unique_while, state) > 0 and seq <> :seq
union all
select seq, id, state, wait_reason, requested_at, gates from duckdive_run
where unique_key = :key and unique_until is not null and unique_until > :requestedAt and seq <> :seq
limit 1
