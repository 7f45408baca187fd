-- Removes counts that are past their keeping. Index: the primary key.
select duckdive.prune_tallies(:now::bigint)
