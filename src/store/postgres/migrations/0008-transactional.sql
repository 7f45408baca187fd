-- Transactional work: what a handler's own transaction carries of duckdive, a remembered call or the run's end. Called
-- over a connection of the application, as the last statement before its commit.

-- Takes hold of a run until this transaction ends, if the execution still owns it. Whoever would take the run away, a
-- rescue or another settlement of it, passes it by or waits for the commit, which therefore must not keep them waiting:
-- a session that does not send it within ten seconds is ended by the server.
create function duckdive.hold_run(p_run uuid, p_token bigint, p_claim uuid) returns boolean
language plpgsql volatile as $$
begin
  if current_setting('idle_in_transaction_session_timeout') = '0' then
    perform set_config('idle_in_transaction_session_timeout', '10s', true);
  end if;
  perform from duckdive.runs as live, duckdive.claims as claim
  where live.id = p_run and live.seq = p_token and claim.id = p_claim
  for update of live;
  return found;
end $$;

-- Records calls that have settled, each at the next position of their run. Answers 'taken', 'refused', or with the word of
-- another database than this one 'elsewhere'.
create function duckdive.record_in(p_run uuid, p_token bigint, p_claim uuid, p_entries json, p_nonce text) returns text
language plpgsql volatile as $$
begin
  if p_nonce <> (select nonce from duckdive.meta) then return 'elsewhere'; end if;
  if not duckdive.hold_run(p_run, p_token, p_claim) then return 'refused'; end if;
  insert into duckdive.entry (run, name, kind, hash, state, position, value, error, attempts)
  select p_run, asked.name, asked.kind, asked.hash, asked.state, asked.number + (
    select coalesce(max(own.position), 0) from duckdive.entry as own where own.run = p_run
  ), asked.value, asked.error, coalesce(asked.attempts, 0)
  from rows from (
    json_to_recordset(p_entries) as (
      name text, kind text, hash text, state text, value text, error json, attempts integer
    )
  ) with ordinality as asked (name, kind, hash, state, value, error, attempts, number);
  return 'taken';
end $$;

-- Ends an execution, having written what it said. Answers the state its run is in by that, 'refused', or 'elsewhere'.
create function duckdive.settle_in(
  p_item json, p_notes json, p_run uuid, p_token bigint, p_claim uuid, p_now bigint, p_notice text, p_nonce text
) returns text
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  answer text;
begin
  if p_nonce <> (select nonce from duckdive.meta) then return 'elsewhere'; end if;
  if json_array_length(p_notes) > 0 then perform duckdive.write_notes(p_notes, at); end if;
  if not duckdive.hold_run(p_run, p_token, p_claim) then return 'refused'; end if;
  answer := duckdive.settle_one(p_item, at);
  if answer is not null and p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  return coalesce(answer, 'refused');
end $$;

-- Whether an execution still owns its run, having waited for a transaction of it that is under way.
create function duckdive.owns(p_run uuid, p_token bigint, p_claim uuid) returns boolean
language plpgsql volatile as $$
begin
  perform from duckdive.runs where id = p_run and seq = p_token for update;
  return exists (
    select from duckdive.runs as live, duckdive.claims as claim
    where live.id = p_run and live.seq = p_token and claim.id = p_claim
  );
end $$;
