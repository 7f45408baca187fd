-- Forgets signals that are older than signals are kept. Index: duckdive_signal_received.
delete from duckdive_signal where seq in (select seq from duckdive_signal where received_at < :before limit :limit)
