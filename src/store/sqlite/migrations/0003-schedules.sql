-- Schedules: what ticks when, which workers have it in their code, and what became of its last ticks.

-- The first migration had a table of that name, which no version has ever written to.
drop table duckdive_schedule;

create table duckdive_schedule (
  name text primary key,
  origin text not null check (origin in ('code', 'runtime')),
  job text not null,
  times text not null,             -- when it ticks, as text that the store does not read
  policy text not null,            -- what else is said of it, likewise
  input text,                      -- json; null: none, or code computes it
  digest text not null,            -- of job, times and policy
  former text not null,            -- json: digests it had before
  release text,
  next_at integer,                 -- null: it does not tick any more
  ticks integer not null default 0, -- how many were recorded
  paused_at integer,
  retired_at integer,
  created_at integer not null
) strict, without rowid;

create index duckdive_schedule_due on duckdive_schedule (next_at)
  where next_at is not null and paused_at is null and retired_at is null;

-- Which live worker names which schedule in its code, and defined how. Of every worker that published there is a row with
-- no name, so that one whose code names none is known as well; its digest says 'all' when these are all there are.
create table duckdive_scheduler (
  schedule text not null,
  worker text not null,
  digest text not null,
  primary key (schedule, worker)
) strict, without rowid;

create index duckdive_scheduler_worker on duckdive_scheduler (worker);

create table duckdive_tick (
  schedule text not null,
  number integer not null,         -- counts inside the schedule
  at integer not null,
  until integer,                   -- of several that were missed the last …
  count integer not null,          -- … and how many they are
  outcome text not null check (outcome in ('enqueued', 'skipped', 'missed', 'failed', 'triggered')),
  run text,
  note text,
  recorded_at integer not null,
  primary key (schedule, number)
) strict, without rowid;

-- Counts up when schedules change: other processes see by it that it was about schedules.
alter table duckdive_meta add column schedules integer not null default 0;
