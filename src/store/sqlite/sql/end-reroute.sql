-- Lets a job's runs go again to the queue of their definition. Index: the primary key.
delete from duckdive_reroute where job = :job
