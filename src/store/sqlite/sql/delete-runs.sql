-- Removes runs that are not running. What hangs on them is removed just before. Index: the primary key.
delete from duckdive_run where seq in (select value from json_each(:seqs)) and state <> 'running'
