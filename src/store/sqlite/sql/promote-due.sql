-- Makes ready what is due, the longest due first. Index: duckdive_run_scheduled.
update duckdive_run set state = 'ready'
where seq in (select seq from duckdive_run where state = 'scheduled' and run_at <= :now order by run_at, seq limit :limit)
