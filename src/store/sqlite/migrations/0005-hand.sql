-- Unique keys, what people set by hand, and what workers have counted.

-- Who holds a key is read from the runs themselves: one whose state is among those that hold it, or one whose time is not
-- over. So there is nothing to take back when a run moves on, and nothing that a crash could leave behind. A key that no
-- run has any more is in no index. The states stand as words in one text, none of which is part of another.
alter table duckdive_run add column unique_while text;

drop index duckdive_run_unique;
create index duckdive_run_unique on duckdive_run (unique_key, seq)
  where unique_key is not null and instr(unique_while, state) > 0;
create index duckdive_run_unique_until on duckdive_run (unique_key, unique_until) where unique_until is not null;

-- Jobs that go to another queue than their definition says.
create table duckdive_reroute (
  job text primary key,
  queue text not null
) strict, without rowid;

-- Slots of a queue in each worker that draws from it, in place of its own.
create table duckdive_slots (
  queue text primary key,
  slots integer not null
) strict, without rowid;

-- What workers have seen, by the minute.
create table duckdive_tally (
  minute integer not null,
  queue text not null,
  job text not null,
  succeeded integer not null,
  failed integer not null,
  cancelled integer not null,
  retried integer not null,
  waited real not null,            -- sums, in milliseconds
  ran real not null,
  primary key (minute, queue, job)
) strict, without rowid;

alter table duckdive_definition add column events text; -- json: what it is enqueued for
