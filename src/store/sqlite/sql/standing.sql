-- What tells whether a run still is what somebody has read. Index: the unique one of id.
select seq, token, state, batch from duckdive_run where id = :id
