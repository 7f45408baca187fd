-- Whether some rate may be as good as unused. Index: duckdive_rate_over.
select 1 from duckdive_rate where over_at <= :now and opens_at is null order by over_at limit 1
