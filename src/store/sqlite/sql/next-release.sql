-- When the next queue is open again; a handful of rows.
select min(until) from duckdive_held
