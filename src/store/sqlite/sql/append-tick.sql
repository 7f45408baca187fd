-- Records what became of a tick.
insert into duckdive_tick (schedule, number, at, until, count, outcome, run, note, recorded_at)
values (:name, :number, :at, :until, :count, :outcome, :run, :note, :now)
