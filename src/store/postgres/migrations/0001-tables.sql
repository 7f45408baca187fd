-- The tables of duckdive on PostgreSQL. docs/decisions/0004-postgres-storage.md says why they have this shape.
--
-- Everything lives in one schema, `duckdive` unless named otherwise; whoever runs these files by hand may write another
-- name in its place. Times are milliseconds since 1970. No foreign keys: a key-share lock on a run would stand in the way
-- of its settlement. Every table has a primary key, so that a publication for all tables refuses nothing.

create table duckdive.meta (
  id integer primary key check (id = 1),
  nonce text not null,             -- tells one database from another
  home text                        -- where its transaction numbers are from
);

insert into duckdive.meta (id, nonce) values (1, replace(gen_random_uuid()::text, '-', ''));

-- Orders runs inside of a transaction, and is their token: no cache, since tokens must rise.
create sequence duckdive.seq as bigint;
-- Orders what is appended beside a run: events and lines of its log.
create sequence duckdive.number as bigint cache 20;

-- A queue at one priority. Apart stand the runs that only some workers may take (a route, 'job@version'), and those that
-- come with an age (front): promoted, given back or woken, they would stand behind what is younger.
create table duckdive.lane (
  id integer generated always as identity primary key,
  queue text not null,
  priority smallint not null,
  route text not null,
  front boolean not null,
  route_job text,
  route_version integer,
  unique (queue, priority, route, front)
);

-- How far a lane has been handed out: up to the position (cx, cs), but for the transactions that were in progress when
-- the cursor passed them (pend). Every change is a new version n, and readers take the newest: however long an old
-- snapshot keeps the dead versions, nobody walks them.
create table duckdive.lane_state (
  lane integer not null,
  n bigint not null,
  cx xid8 not null default '0',
  cs bigint not null default -1,
  pend xid8[] not null default '{}',
  after bigint[] not null default '{}', -- for each of pend: the seq up to which its runs were handed out
  primary key (lane, n)
) with (toast_tuple_target = 8160);

-- How far along runs_due everything has been looked at, kept as the state of a lane is: what is dead behind (due, id) is
-- never walked again, however long an old snapshot keeps it.
create table duckdive.due_state (
  n bigint primary key,
  due bigint not null,
  id uuid not null,
  pend xid8[] not null,            -- transactions that may have put something behind it
  walked_at bigint not null        -- when all of the index was walked, whatever stands here
) with (toast_tuple_target = 8160);

-- Runs that have not ended. One that may be claimed has a lane and a position in it, (xid, seq); a claim touches no run.
create table duckdive.runs (
  id uuid primary key,
  lane integer,
  xid xid8 not null default pg_current_xact_id(),
  seq bigint not null default nextval('duckdive.seq'),
  state text not null check (state in ('ready', 'scheduled', 'waiting')), -- 'ready' until it has been settled: see claims
  job text not null,
  version integer not null,
  queue text not null,
  priority smallint not null,
  route text not null default '',
  attempt integer not null default 0,
  crashes integer not null default 0,
  requested_at bigint not null,
  run_at bigint not null,
  started_at bigint,
  start_within bigint,
  finish_within bigint,
  start_by bigint,
  finish_by bigint,
  due bigint,                      -- when it has to be looked at though nobody asks: its start, or the end of its patience
  wait_reason text,
  wait_on text,
  cancel_asked text,
  body smallint not null default 0, -- what of it stands in the table body: 1 input, 2 output, 4 error
  input json,
  error json,
  tags json,
  meta json,
  release text
);

-- What a claim reads. Nothing else stands in it.
create index runs_lane on duckdive.runs (lane, xid, seq) where lane is not null;
-- What becomes due, in that order; and by the transaction that put it there, for those that committed late.
create index runs_due on duckdive.runs (due, id) where due is not null;
create index runs_due_late on duckdive.runs (xid) where due is not null;
create index runs_waiting on duckdive.runs (wait_reason, wait_on, id) where state = 'waiting';
create index runs_cancel on duckdive.runs (id) where cancel_asked is not null;
-- Ids made by duckdive begin with their time, so the primary key lists the newest first; this is for ids of other kinds.
create index runs_other on duckdive.runs (requested_at, id) where get_byte(uuid_send(id), 6) >> 4 <> 7;

-- Who has what: one row for a whole batch. A run is running when a claim holds it under its present seq.
create table duckdive.claims (
  id uuid primary key,             -- random, made by the worker: a number could come twice after a crash
  worker text not null,
  at bigint not null,
  runs uuid[] not null,
  seqs bigint[] not null
);

-- Runs that have ended: appended to, never changed, and dropped by the partition. By how long they are kept first, so
-- that a partition has one age at which all of it goes, then by the time of their end.
create table duckdive.history (
  id uuid not null,
  keep_class smallint not null,
  finished_at bigint not null,
  expires_at bigint not null,
  state text not null,
  reason text,
  token bigint not null,
  worker text,
  job text not null,
  version integer not null,
  queue text not null,
  priority smallint not null,
  attempt integer not null,
  crashes integer not null,
  requested_at bigint not null,
  run_at bigint not null,
  started_at bigint,
  start_within bigint,
  finish_within bigint,
  start_by bigint,
  finish_by bigint,
  body smallint not null,
  input json,
  output json,
  error json,
  tags json,
  meta json,
  release text,
  primary key (id, finished_at, keep_class)
) partition by list (keep_class);

create index history_unwell on duckdive.history (id) where state <> 'succeeded';
create index history_other on duckdive.history (requested_at, id) where get_byte(uuid_send(id), 6) >> 4 <> 7;

-- The classes of keeping: up to `longest` a run is in this class, and its partitions are this wide.
create table duckdive.keep_class (
  class smallint primary key,
  name text not null unique,
  longest bigint not null,
  width bigint not null
);

insert into duckdive.keep_class (class, name, longest, width) values
  (0, 'hours', 86399999, 86400000),
  (1, 'week', 8 * 86400000::bigint, 86400000),
  (2, 'month', 31 * 86400000::bigint, 3 * 86400000::bigint),
  (3, 'quarter', 92 * 86400000::bigint, 7 * 86400000::bigint),
  (4, 'year', 400 * 86400000::bigint, 30 * 86400000::bigint),
  (5, 'ever', 9007199254740991, 30 * 86400000::bigint);

create table duckdive.history_hours partition of duckdive.history for values in (0) partition by range (finished_at);
create table duckdive.history_week partition of duckdive.history for values in (1) partition by range (finished_at);
create table duckdive.history_month partition of duckdive.history for values in (2) partition by range (finished_at);
create table duckdive.history_quarter partition of duckdive.history for values in (3) partition by range (finished_at);
create table duckdive.history_year partition of duckdive.history for values in (4) partition by range (finished_at);
create table duckdive.history_ever partition of duckdive.history for values in (5) partition by range (finished_at);

-- Kept for hours only: removed run by run, when it is time.
create index history_hours_expiry on duckdive.history_hours (expires_at);

-- Long texts: written once, never moved with their run.
create table duckdive.body (
  run uuid primary key,
  input text,
  output text,
  error text
);

create table duckdive.event (
  run uuid not null,
  number bigint not null default nextval('duckdive.number'),
  at bigint not null,
  kind text not null,
  attempt integer not null,
  token bigint not null,
  worker text,
  detail json,
  primary key (run, number)
);

create table duckdive.log (
  run uuid not null,
  number bigint not null default nextval('duckdive.number'),
  at bigint not null,
  attempt integer not null,
  level text not null check (level in ('debug', 'info', 'warn', 'error')),
  message text not null,
  fields json,
  primary key (run, number)
);

create table duckdive.progress (
  run uuid primary key,
  at bigint not null,
  done double precision not null,
  total double precision,
  note text
);

-- Durable calls of handlers.
create table duckdive.entry (
  run uuid not null,
  name text not null,
  kind text not null,
  hash text,
  state text not null check (state in ('pending', 'done', 'failed')),
  position integer,                -- the order of settling inside the run
  value text,
  error json,
  due_at bigint,
  attempts integer not null default 0,
  primary key (run, name)
);

create table duckdive.worker (
  id text primary key,
  host text not null,
  pid integer not null,
  process_start text,
  release text,
  queues json not null,
  started_at bigint not null,
  heartbeat_at bigint not null,
  beats bigint not null default 0, -- counts up; others see by it that the worker lives, whatever the clocks say
  lock bigint                      -- the advisory lock its connection holds; null: it has none, and only beats tell
);

create table duckdive.ability (
  job text not null,
  worker text not null,
  version integer not null,
  primary key (job, worker)
);

create table duckdive.pause (
  kind text not null check (kind in ('queue', 'job')),
  name text not null,
  paused_at bigint not null,
  primary key (kind, name)
);

create table duckdive.definition (
  job text primary key,
  version integer not null,
  queue text not null,
  priority smallint not null,
  attempts integer not null,
  prepared boolean not null,       -- it has a schema, keys or gates: a run recorded without JavaScript must be checked
  description text,
  published_at bigint not null
);

-- Tables whose rows live for seconds. Their ends are never cut off: that takes a lock that stops everybody.
alter table duckdive.runs set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);
-- Ids do not compress; trying costs more than the claim.
alter table duckdive.claims alter column runs set storage external, alter column seqs set storage external;
alter table duckdive.claims set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);
alter table duckdive.due_state set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);
alter table duckdive.lane_state set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);
