-- Some runs of one share of a lane from a position on, as lane-page.sql. Index: duckdive_run_fair.
select seq, run_at from duckdive_run
where state = 'ready' and fair is not null and queue = :queue and priority = :priority and route = :route
  and fair = :fair and run_at >= :runAt and (run_at > :runAt or seq > :seq)
order by run_at, seq
limit :limit
