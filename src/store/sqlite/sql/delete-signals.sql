-- Removes the signals of runs that are being removed. Indexes: the primary key of the runs, duckdive_signal_run.
delete from duckdive_signal where run in (
  select id from duckdive_run where seq in (select value from json_each(:seqs))
)
