-- Enters a worker, or enters it again, and wakes what waited for it; answers the lock by which it shows that it lives.
select duckdive.register(:worker::json, :now::bigint)
