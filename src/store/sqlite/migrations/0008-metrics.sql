-- Metrics over time: counts of minutes are rolled up to hours, and how long runs waited is counted by the step of a scale.

-- The counts of hours, from three hours ago back to thirty days ago; the minutes stand in duckdive_tally.
create table duckdive_tally_hour (
  minute integer not null,         -- the beginning of the hour
  queue text not null,
  job text not null,
  succeeded integer not null,
  failed integer not null,
  cancelled integer not null,
  retried integer not null,
  waited real not null,
  ran real not null,
  primary key (minute, queue, job)
) strict, without rowid;

-- How many executions began after a wait of that step, by the minute.
create table duckdive_wait (
  minute integer not null,
  queue text not null,
  step integer not null,           -- up to 2^(step / 2) milliseconds
  number integer not null,
  primary key (minute, queue, step)
) strict, without rowid;

-- The same by the hour.
create table duckdive_wait_hour (
  minute integer not null,
  queue text not null,
  step integer not null,
  number integer not null,
  primary key (minute, queue, step)
) strict, without rowid;
