-- Runs that have a parent or children, before they are removed. Index: the primary key.
select seq, id, state, durable, parent, parent_entry from duckdive_run
where seq in (select value from json_each(:seqs)) and durable & 6 <> 0
