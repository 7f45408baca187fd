-- When the next rate with somebody in line opens. Index: duckdive_rate_opens.
select min(opens_at) from duckdive_rate where opens_at is not null
