-- Adds what a worker has seen of how long runs of a queue waited. Index: the primary key.
insert into duckdive_wait (minute, queue, step, number) values (:minute, :queue, :step, :number)
on conflict (minute, queue, step) do update set number = number + excluded.number
