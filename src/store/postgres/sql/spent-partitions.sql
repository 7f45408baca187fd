-- Partitions of history in which everything is past its keeping. One whose detaching was interrupted comes first: while
-- there is such a one, nothing else can be detached.
select parent, name, state from duckdive.spent_partitions(:now::bigint) order by state <> 'pending', name
