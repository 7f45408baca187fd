-- Removes what failed, so that the retried run does it again: calls, and those whose children did not all succeed.
-- Indexes: the primary key, duckdive_run_parent.
delete from duckdive_entry
where run = :run and (
  (state = 'failed' and kind in ('step', 'poll', 'child', 'children'))
  or (kind = 'children' and state = 'done' and exists (
    select 1 from duckdive_run as child
    where child.parent = :id and child.parent_entry = duckdive_entry.name and child.state in ('failed', 'cancelled')
  ))
)
