-- The gates of what workers hold.
select duckdive.gates_of_workers(:workers::text[])
