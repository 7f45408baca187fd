-- What runs still come after, and what becomes of each when one of those does not succeed. Index: dependency_open.
select run, min(policy), json_agg(needs order by needs) from duckdive.dependency
where run = any(:ids::uuid[]) and is_open group by run
