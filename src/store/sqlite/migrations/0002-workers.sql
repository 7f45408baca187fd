-- What workers say of themselves, what they are told, and what became of those that are gone.

alter table duckdive_worker add column runner integer; -- the process that keeps it alive
alter table duckdive_worker add column report text;    -- json: how it said it was at its last heartbeat

alter table duckdive_definition add column crashes integer; -- how many workers a run of it may take down

-- Workers that have left or died, in the order in which they did: kept apart, since whoever asks for workers means those
-- that are there.
create table duckdive_departed (
  number integer primary key autoincrement,
  id text not null,
  host text not null,
  pid integer not null,
  release text,
  started_at integer not null,
  heartbeat_at integer not null,
  ended_at integer not null,
  how text not null check (how in ('stopped', 'lost')),
  cause text,
  lost integer not null,           -- how many runs were given back …
  runs text not null               -- … and the first hundred of them: json
) strict;

-- What workers were told and have not heard: one row for each of them.
create table duckdive_message (
  number integer primary key autoincrement,
  worker text not null,
  id text not null,                -- given by the sender: sent again it is the same
  name text not null,
  payload text,
  at integer not null,
  unique (worker, id)
) strict;
