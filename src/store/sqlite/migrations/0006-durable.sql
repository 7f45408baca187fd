-- Durable work: what handlers recorded, the runs they started, what they wait for, and signals.

-- What a run has to do with durable work: 1 it has recorded something, 2 it has children, 4 it has a parent. Most runs have
-- nothing to do with it, and are claimed and ended without looking any further.
alter table duckdive_run add column durable integer not null default 0;
-- When the first of the entries that it waits for is due; null: only an event wakes it.
alter table duckdive_run add column wake_at integer;

create index duckdive_run_wake on duckdive_run (wake_at, seq)
  where state = 'waiting' and wait_reason = 'entries' and wake_at is not null;
-- The children that have not ended.
create index duckdive_run_child on duckdive_run (parent, parent_entry)
  where parent is not null and state in ('scheduled', 'ready', 'running', 'waiting');

-- The order in which waits for one signal were made, among those that are pending.
alter table duckdive_entry add column number integer;
-- When it settled, or was last written before that.
alter table duckdive_entry add column written_at integer;

-- A wake-up is the run's, not the entry's; no version has ever looked at this index.
drop index duckdive_entry_due;
create index duckdive_entry_position on duckdive_entry (run, position) where position is not null;
create index duckdive_entry_signal on duckdive_entry (run, hash, number) where state = 'pending' and kind = 'signal';

-- Signals in the order in which they came. No version has ever written to the table that was here before.
drop table duckdive_signal;
create table duckdive_signal (
  seq integer primary key autoincrement,
  id text not null unique,         -- given by the sender: delivered once
  run text,                        -- the run that it is for; null: the next one that gets the key
  job text,
  key text,
  name text not null,
  payload text,                    -- json
  received_at integer not null,
  taken integer not null           -- 1: an entry has it
) strict;

create index duckdive_signal_run on duckdive_signal (run, name, seq) where run is not null;
create index duckdive_signal_key on duckdive_signal (key, job) where run is null and key is not null;
create index duckdive_signal_received on duckdive_signal (received_at);
