-- Removes runs that are kept for hours only and are past it.
select duckdive.prune(:limit::integer, :now::bigint)
