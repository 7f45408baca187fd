-- Forgets departed workers that are older than seven days, and all beyond the last thousand.
delete from duckdive_departed
where ended_at < :now - 604800000
  or number <= (select number from duckdive_departed order by number desc limit 1 offset 1000)
