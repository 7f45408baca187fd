-- What must be known of workers to tell the dead from the living; a row a process.
select id, host, pid, process_start, beats, runner from duckdive_worker
