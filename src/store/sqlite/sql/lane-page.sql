-- Some runs of a lane from a position on, longest due first, to be merged with other lanes. Those at the very time of
-- the position are walked over, since they may be before it. Index: duckdive_run_ready.
select seq, run_at from duckdive_run
where state = 'ready' and fair is null and queue = :queue and priority = :priority and route = :route
  and run_at >= :runAt and (run_at > :runAt or seq > :seq)
order by run_at, seq
limit :limit
