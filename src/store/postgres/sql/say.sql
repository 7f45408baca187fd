-- Wakes the listeners of other processes.
select pg_notify('duckdive', :notice::text)
