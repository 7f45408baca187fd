-- Whether a queue or job is paused. Index: the primary key.
select 1 from duckdive_pause where kind = :kind and name = :name
