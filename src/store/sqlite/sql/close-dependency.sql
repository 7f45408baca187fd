-- A run is fine with one that it came after. Index: the primary key.
update duckdive_dependency set done = 1 where run = :run and needs = :needs
