-- Removes runs that still are what somebody has read; answers which.
select duckdive.release(:ids::uuid[], :tokens::bigint[], :states::text[])
