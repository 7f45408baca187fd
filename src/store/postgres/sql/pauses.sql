-- Everything that is paused; a handful of rows.
select kind, name from duckdive.pause order by kind, name
