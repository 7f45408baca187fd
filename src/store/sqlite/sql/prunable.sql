-- Runs past their keeping. Index: duckdive_run_expiry.
select seq from duckdive_run where expires_at is not null and expires_at <= :now order by expires_at, seq limit :limit
