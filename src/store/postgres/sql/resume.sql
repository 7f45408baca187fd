-- Ends a pause, and wakes what waited for that.
select duckdive.resume(:kind::text, :name::text, :now::bigint)
