-- Sets the slots of a queue in every worker. Index: the primary key.
insert into duckdive_slots (queue, slots) values (:queue, :slots)
on conflict (queue) do update set slots = excluded.slots
