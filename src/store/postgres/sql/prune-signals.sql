-- Forgets signals that are older than they are kept. Index: signal_received.
select duckdive.prune_signals(:limit::integer, :now::bigint)
