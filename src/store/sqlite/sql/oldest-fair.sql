-- When the longest-due run with a fair share became due in each queue. Reads the index duckdive_run_fair.
select queue, min(run_at) from duckdive_run where state = 'ready' and fair is not null group by queue
