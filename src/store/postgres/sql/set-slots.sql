-- Sets the slots of a queue in all workers, or leaves them to each again.
select duckdive.set_slots(:queue::text, :slots::integer)
