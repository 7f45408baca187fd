-- The gates of runs, by id.
select duckdive.gates_of(:ids::uuid[])
