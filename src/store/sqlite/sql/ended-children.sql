-- The children of entries that are forgotten, as far as they have ended. Index: duckdive_run_parent.
select seq from duckdive_run
where parent = :parent and parent_entry in (select value from json_each(:entries))
  and state in ('succeeded', 'failed', 'cancelled')
