-- What must be known of a run to tell how it stands at its gates. Index: the unique one of id.
select seq, gates, parked_on, priority, run_at from duckdive_run where id = :id
