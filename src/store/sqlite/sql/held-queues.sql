-- Queues that are held back; a handful of rows.
select queue, until from duckdive_held where until > :now
