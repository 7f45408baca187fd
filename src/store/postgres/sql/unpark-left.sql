-- Makes ready what waits for something that is there; answers whether there was anything.
select duckdive.unpark_left(:now::bigint)
