-- Sends the runs of a job to another queue from now on, or no more.
select duckdive.set_reroute(:job::text, :queue::text)
