-- The gates of those among some runs that have any, and have not ended. Index: the primary key.
select seq, gates, state from duckdive_run
where seq in (select value from json_each(:seqs)) and gates is not null
  and state in ('scheduled', 'ready', 'running', 'waiting')
