-- Some of the runs that wait for one thing. Index: duckdive_run_waiting.
select seq from duckdive_run
where state = 'waiting' and wait_reason = :reason and wait_on = :on
order by seq limit :limit
