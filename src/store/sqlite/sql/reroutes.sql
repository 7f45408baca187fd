-- The jobs that go elsewhere; a row a job that was rerouted by hand.
select job, queue from duckdive_reroute order by job
