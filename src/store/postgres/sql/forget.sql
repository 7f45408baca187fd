-- Removes what belongs to runs that are gone, unless their id lives again. Whoever waits for one of them is told.
select duckdive.forsake(:ids::uuid[]), duckdive.forget(array(
  select id from unnest(:ids::uuid[]) as id where not exists (select from duckdive.runs where runs.id = id)
))
