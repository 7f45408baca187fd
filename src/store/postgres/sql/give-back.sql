-- Gives back what a worker holds under claims that it knows nothing of; answers how many runs.
select duckdive.give_back(:worker::text, :claims::uuid[], :now::bigint)
