-- A run that failed or was cancelled. Index: the unique one of id.
select seq from duckdive_run where id = :id and state in ('failed', 'cancelled')
