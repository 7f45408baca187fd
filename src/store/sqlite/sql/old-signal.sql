-- Whether a signal is older than signals are kept. Index: duckdive_signal_received.
select 1 from duckdive_signal where received_at < :before limit 1
