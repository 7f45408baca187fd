-- The slots that were set by hand; a row a queue.
select queue, slots from duckdive_slots order by queue
