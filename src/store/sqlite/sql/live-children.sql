-- The children that go with their parent. Index: duckdive_run_child.
select seq, id, state, cancel_asked, body from duckdive_run
where parent = :parent and state in ('scheduled', 'ready', 'running', 'waiting') and on_parent_end = 'cancel'
