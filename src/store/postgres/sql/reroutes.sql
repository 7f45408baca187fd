-- The queue of each job that was rerouted; a handful of rows.
select job, queue from duckdive.reroute order by job
