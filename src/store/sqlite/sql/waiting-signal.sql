-- The oldest signal of a name that a run has not taken. Index: duckdive_signal_run.
select seq, payload from duckdive_signal where run = :run and name = :name and taken = 0 order by seq limit 1
