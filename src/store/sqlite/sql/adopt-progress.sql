-- Keeps how far a run was that comes from another store. Index: the primary key.
insert into duckdive_progress (run, at, done, total, note) values (:run, :now, :done, :total, :note)
