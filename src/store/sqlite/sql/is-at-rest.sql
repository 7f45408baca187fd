-- Whether a run has not ended and is not running. Index: the primary key.
select 1 from duckdive_run where seq = :seq and state in ('scheduled', 'ready', 'waiting')
