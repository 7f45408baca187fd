-- Signals that a run has not taken, in the order in which they came. Index: duckdive_signal_run.
select id, name, payload from duckdive_signal where run = :run and taken = 0 order by seq
