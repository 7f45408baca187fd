-- Makes a schedule.
insert into duckdive_schedule (name, origin, job, times, policy, input, digest, former, release, next_at, created_at)
values (:name, :origin, :job, :times, :policy, :input, :digest, '[]', :release, :next, :now)
