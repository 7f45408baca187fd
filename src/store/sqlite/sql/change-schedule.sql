-- Gives a schedule another definition, or the same again. Index: the primary key.
update duckdive_schedule set
  origin = :origin, job = :job, times = :times, policy = :policy, input = :input, digest = :digest, former = :former,
  release = :release, next_at = :next, retired_at = null
where name = :name
