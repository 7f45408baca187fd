-- Dependencies and batches.

-- The bits of duckdive_run.durable go on: 8 runs come after it, 16 it is counted in a batch, 32 it comes after others.

-- Which runs come after which. What the first migration had under this name no version has ever written to.
drop table duckdive_dependency;

create table duckdive_dependency (
  run integer not null,            -- comes after …
  needs text not null,             -- … the run with this id, which may be gone
  done integer not null,           -- 1: that is fine by now
  primary key (run, needs)
) strict, without rowid;

-- What is not fine, from both sides.
create index duckdive_dependency_open on duckdive_dependency (run, needs) where done = 0;
create index duckdive_dependency_needs on duckdive_dependency (needs, run) where done = 0;

-- Nor to this one.
drop table duckdive_batch;

create table duckdive_batch (
  id text primary key,
  name text not null,
  batch text,                      -- the one that it is counted in, as one run …
  counted text not null default 'open' -- … and as what
    check (counted in ('open', 'succeeded', 'failed', 'cancelled')),
  total integer not null default 0,
  succeeded integer not null default 0,
  failed integer not null default 0,
  cancelled integer not null default 0,
  elsewhere text,                  -- json: these four as other stores have counted, by nonce
  on_success text,                 -- json: the run to record
  on_finished text,                -- likewise
  created_at integer not null,
  finished_at integer,
  succeeded_at integer
) strict, without rowid;

create index duckdive_batch_outer on duckdive_batch (batch) where batch is not null;
create index duckdive_batch_finished on duckdive_batch (finished_at) where finished_at is not null;
