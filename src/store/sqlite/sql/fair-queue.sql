-- The virtual time of a queue, and the share after which a claim begins to look. Index: the primary key.
select turn, after from duckdive_fair where queue = :queue
