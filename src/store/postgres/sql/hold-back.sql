-- Keeps rates closed for so long, or without any a queue.
select duckdive.hold_back(:rates::bigint[], :queue::text, :for::bigint, :now::bigint)
