-- Partitions of history in which everything is past its keeping.
select parent, name, state from duckdive.spent_partitions(:now::bigint)
