-- Everything the store contract names, from the first day on: later versions fill columns and tables that stand here.
--
-- All of it lives in the application's own database, so every name begins with duckdive_. Times are milliseconds since
-- 1970. A run is one row, updated in place, and small: what is long (over 512 characters) of its input, output and
-- error stands in duckdive_body, written once, since SQLite writes whole pages to its log and the row changes at every
-- claim and settlement. Other tables refer to a run by its seq.

create table duckdive_meta (
  id integer primary key check (id = 1),
  nonce text not null,             -- tells one database from another
  claims integer not null          -- the last claim number given out: tokens are never used twice
) strict;

insert into duckdive_meta (id, nonce, claims) values (1, lower(hex(randomblob(16))), 0);

create table duckdive_run (
  seq integer primary key autoincrement,
  id text not null unique,
  job text not null,
  version integer not null,
  queue text not null,
  priority integer not null,
  route text not null default '',  -- 'job@version': only workers that have it may take the run; '': anybody
  state text not null check (state in ('scheduled', 'ready', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
  run_at integer not null,         -- when it may, or might, start
  attempt integer not null default 0,
  token integer not null default 0,
  worker text,                     -- who has it; null unless running
  started_at integer,
  finished_at integer,
  expires_at integer,              -- when it may be removed; null until it has ended
  body integer not null default 0, -- what of it stands in duckdive_body: 1 input, 2 output, 4 error
  crashes integer not null default 0,
  reason text,                     -- why it failed or was cancelled
  wait_reason text,
  wait_on text,
  cancel_asked text,               -- the reason somebody gave who wants it to end, until it has
  requested_at integer not null,
  start_within integer,            -- the limits of the request, counted anew by a retry …
  finish_within integer,
  start_by integer,                -- … and the times they mean
  finish_by integer,
  unique_key text,
  unique_until integer,
  gates text,                      -- json: its locks, limits and rates
  holds integer not null default 0,
  parked_on text,                  -- the gate it waits at
  fair text,
  parent text,
  parent_entry text,
  on_parent_end text check (on_parent_end in ('cancel', 'leave')),
  children integer not null default 0,
  batch text,
  pending_after integer not null default 0,
  on_parent_failure text check (on_parent_failure in ('fail', 'cancel', 'run')),
  input text,
  output text,
  error text,                      -- json
  tags text check (json_type(tags) = 'array'),
  meta text check (json_type(meta) = 'object'),
  release text
) strict;

-- What a claim takes from: lane by lane (queue, priority, route), the longest due first.
create index duckdive_run_ready on duckdive_run (queue, priority, route, run_at, seq) where state = 'ready';
-- What becomes ready next; the queue is there for counting.
create index duckdive_run_scheduled on duckdive_run (run_at, seq, queue) where state = 'scheduled';
-- What a worker has.
create index duckdive_run_running on duckdive_run (worker, queue) where state = 'running';
-- What an event ends the waiting of.
create index duckdive_run_waiting on duckdive_run (wait_reason, wait_on, seq, queue) where state = 'waiting';
-- What can be removed.
create index duckdive_run_expiry on duckdive_run (expires_at, seq) where expires_at is not null;
-- What ended otherwise than well: few rows that people look for often.
create index duckdive_run_ended on duckdive_run (state, seq) where state in ('failed', 'cancelled');
-- The runs of one job, newest first.
create index duckdive_run_job on duckdive_run (job, seq);
-- What has to have started, or ended, by a time.
create index duckdive_run_start_by on duckdive_run (start_by, seq)
  where start_by is not null and started_at is null and state in ('scheduled', 'ready', 'waiting');
create index duckdive_run_finish_by on duckdive_run (finish_by, seq)
  where finish_by is not null and state in ('scheduled', 'ready', 'waiting');
-- Whom somebody asked to end.
create index duckdive_run_cancel on duckdive_run (worker) where cancel_asked is not null;
create unique index duckdive_run_unique on duckdive_run (job, unique_key) where unique_key is not null;
create index duckdive_run_parked on duckdive_run (parked_on, run_at, seq) where parked_on is not null;
create index duckdive_run_parent on duckdive_run (parent, parent_entry) where parent is not null;
create index duckdive_run_batch on duckdive_run (batch, seq) where batch is not null;

create table duckdive_body (
  run integer primary key,
  input text,
  output text,
  error text
) strict;

create table duckdive_event (
  run integer not null,
  number integer not null,         -- counts inside the run
  at integer not null,
  kind text not null,
  attempt integer not null,
  token integer not null,
  worker text,
  detail text,                     -- json
  primary key (run, number)
) strict, without rowid;

create table duckdive_log (
  run integer not null,
  number integer not null,
  at integer not null,
  attempt integer not null,
  level text not null check (level in ('debug', 'info', 'warn', 'error')),
  message text not null,
  fields text,                     -- json
  primary key (run, number)
) strict, without rowid;

create table duckdive_progress (
  run integer primary key,
  at integer not null,
  done real not null,
  total real,
  note text
) strict;

-- Durable calls of handlers.
create table duckdive_entry (
  run integer not null,
  name text not null,
  kind text not null,
  hash text,
  state text not null check (state in ('pending', 'done', 'failed')),
  position integer,                -- the order of settling inside the run
  value text,
  error text,                      -- json
  due_at integer,
  attempts integer not null default 0,
  children_left integer,
  primary key (run, name)
) strict, without rowid;

create index duckdive_entry_due on duckdive_entry (due_at) where state = 'pending' and due_at is not null;

create table duckdive_signal (
  id text primary key,             -- given by the sender: delivered once
  run text,
  job text,
  key text,
  name text not null,
  payload text,
  received_at integer not null,
  taken_at integer
) strict, without rowid;

create index duckdive_signal_run on duckdive_signal (run, name, received_at) where run is not null and taken_at is null;
create index duckdive_signal_key on duckdive_signal (job, key, name, received_at)
  where run is null and taken_at is null;

-- Which runs must end before which.
create table duckdive_dependency (
  run integer not null,            -- waits
  needs text not null,             -- for the run with this id
  primary key (run, needs)
) strict, without rowid;

create index duckdive_dependency_needs on duckdive_dependency (needs);

create table duckdive_batch (
  id text primary key,
  name text,
  total integer not null default 0,
  succeeded integer not null default 0,
  failed integer not null default 0,
  cancelled integer not null default 0,
  on_success text,                 -- json: the run to record
  on_finished text,
  created_at integer not null,
  finished_at integer
) strict, without rowid;

-- Locks, limits and rates that are in use.
create table duckdive_gate (
  kind text not null check (kind in ('lock', 'limit', 'rate')),
  key text not null,
  cap integer not null,
  used integer not null default 0,
  parked integer not null default 0,
  next_at real,                    -- rates: the theoretical arrival time, in milliseconds
  primary key (kind, key)
) strict, without rowid;

create table duckdive_worker (
  id text primary key,
  host text not null,
  pid integer not null,
  process_start text,
  release text,
  queues text not null,            -- json: slots by queue
  started_at integer not null,
  heartbeat_at integer not null,
  beats integer not null default 0 -- counts up; others see by it that the worker lives, whatever the clocks say
) strict, without rowid;

create table duckdive_ability (
  job text not null,
  worker text not null,
  version integer not null,
  primary key (job, worker)
) strict, without rowid;

create index duckdive_ability_worker on duckdive_ability (worker);

create table duckdive_pause (
  kind text not null check (kind in ('queue', 'job')),
  name text not null,
  paused_at integer not null,
  primary key (kind, name)
) strict, without rowid;

create table duckdive_schedule (
  name text primary key,
  job text not null,
  definition text not null,        -- json
  next_at integer,
  last_at integer,
  paused integer not null default 0
) strict, without rowid;

create table duckdive_definition (
  job text primary key,
  version integer not null,
  queue text not null,
  priority integer not null,
  attempts integer not null,
  prepared integer not null,
  description text,
  published_at integer not null
) strict, without rowid;

-- For people: a run as one line, with readable times.
create view duckdive_runs as
select
  run.id, run.job, run.version, run.queue, run.priority, run.state, run.reason,
  run.wait_reason as waiting_for, run.wait_on as waiting_on, run.attempt, run.crashes, run.worker, run.cancel_asked,
  strftime('%Y-%m-%dT%H:%M:%fZ', run.requested_at / 1000.0, 'unixepoch') as requested_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', run.run_at / 1000.0, 'unixepoch') as run_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', run.started_at / 1000.0, 'unixepoch') as started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', run.finished_at / 1000.0, 'unixepoch') as finished_at,
  case when run.body & 1 then body.input else run.input end as input,
  case when run.body & 2 then body.output else run.output end as output,
  case when run.body & 4 then body.error else run.error end as error,
  run.tags, run.meta, run.release
from duckdive_run as run
left join duckdive_body as body on body.run = run.seq and run.body <> 0;
