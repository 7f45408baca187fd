-- Runs that have to do with others, before they are removed. Index: the primary key.
select seq, id, state, durable, parent, parent_entry, batch from duckdive_run
where seq in (select value from json_each(:seqs)) and durable & 30 <> 0
