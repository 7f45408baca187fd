-- What must be known of a run before somebody's hand changes it. Index: the unique one of id.
select seq, state, cancel_asked, body from duckdive_run where id = :id
