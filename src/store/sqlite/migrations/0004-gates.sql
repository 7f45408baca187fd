-- Gates (locks, limits, rates), queues that are held back, and fair shares.

-- The first migration had a table of gates, with counts that could drift; no version has ever written to it.
drop table duckdive_gate;

-- Who has a place at which lock or limit: runs that run, and those that were handed a place and wait for their claim. Of
-- a rate only the latter: runs that were let in and have not paid.
create table duckdive_place (
  gate text not null,              -- kind and key: 'lock server:532'
  run integer not null,
  kept integer not null,           -- 1: a lock that is held to the end of its run
  primary key (gate, run)
) strict, without rowid;

-- The lines before the gates.
drop index duckdive_run_parked;
create index duckdive_run_parked on duckdive_run (parked_on, priority desc, run_at, seq) where parked_on is not null;

-- Rates that are in use. From over_at on a row is as good as none.
create table duckdive_rate (
  gate text primary key,
  arrival real not null,           -- the theoretical arrival time of the next start, in milliseconds
  held_until integer not null,     -- nobody starts before
  opens_at integer,                -- when the next in line may be let in; null: nobody is in line, or claims come first
  over_at integer not null
) strict, without rowid;

create index duckdive_rate_opens on duckdive_rate (opens_at) where opens_at is not null;
create index duckdive_rate_over on duckdive_rate (over_at);

-- Queues that are passed over by claims for a time, since a handler said that it is rate limited.
create table duckdive_held (
  queue text primary key,
  until integer not null
) strict, without rowid;

-- Runs with a fair share stand in lines of their own, one for each share; every ready run is in one of the two indexes.
drop index duckdive_run_ready;
create index duckdive_run_ready on duckdive_run (queue, priority, route, run_at, seq, fair)
  where state = 'ready' and fair is null;
create index duckdive_run_fair on duckdive_run (queue, priority, route, fair, run_at, seq)
  where state = 'ready' and fair is not null;

-- How much each share of a queue has had, in virtual time: who is not here, or behind the queue's own time, stands at that.
create table duckdive_turn (
  queue text not null,
  fair text not null,              -- '': runs without a share
  turn integer not null,
  primary key (queue, fair)
) strict, without rowid;

create index duckdive_turn_turn on duckdive_turn (queue, turn);

create table duckdive_fair (
  queue text primary key,
  turn integer not null,           -- its virtual time: the turn of whoever was served last
  after text not null              -- with very many shares a claim looks at some of them: those after this one
) strict, without rowid;
