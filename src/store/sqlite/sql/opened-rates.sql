-- Rates with somebody in line that have opened, the longest open first. Index: duckdive_rate_opens.
select gate from duckdive_rate where opens_at is not null and opens_at <= :now order by opens_at limit :limit
