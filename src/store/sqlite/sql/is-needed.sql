-- Whether a run that has not come yet is waited for. Index: duckdive_dependency_needs.
select 1 from duckdive_dependency where needs = :id and done = 0 limit 1
