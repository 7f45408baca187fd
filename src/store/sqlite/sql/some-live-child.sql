-- Whether some child of an entry has not ended. Index: duckdive_run_child.
select 1 from duckdive_run
where parent = :parent and parent_entry = :entry and state in ('scheduled', 'ready', 'running', 'waiting') limit 1
