-- Losses that nobody is left to write down. A crash of the database undoes claims that were not synced, and whoever held
-- one writes that down (0009). When it has died before it could, its runner still knows what it was executing.

-- As before; one writer at a time, so that what two of them find missing at once is written once. Losses are rare enough
-- for one lock.
create or replace function duckdive.write_lost(p_items json, p_now bigint) returns void
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
begin
  perform pg_advisory_xact_lock('duckdive.event'::regclass::oid::integer, 0);
  -- A statement of its own sees what was committed while the lock was waited for.
  insert into duckdive.event (run, at, kind, attempt, token, worker, detail)
  select item.run, at, 'lost', item.attempt, item.token, item.worker,
    json_build_object(
      'worker', item.worker, 'claim', item.claim, 'cause', 'a crash of the database undid the claim'
    )
  from json_to_recordset(p_items) as item (
    run uuid, token bigint, attempt integer, claim uuid, worker text, "isSure" boolean
  )
  where not exists (select from duckdive.claims where id = item.claim)
    and (item."isSure" or duckdive.outcome_of(item.run, item.token, item.worker) is null)
    and not exists (
      select from duckdive.event as told
      where told.run = item.run and told.token = item.token and told.worker = item.worker and told.kind = 'lost'
        and coalesce(told.detail ->> 'claim', item.claim::text) = item.claim::text
    )
    and (
      exists (select from duckdive.runs where id = item.run) or exists (select from duckdive.history where id = item.run)
    );
end $$;

-- What dead workers were executing, as others saw it, and what nothing on record explains: no claim, no end, no loss.
-- Whoever saw it may have seen it a moment before it ended; then that end is on record, whatever it was.
create function duckdive.unexplained(p_deaths json)
returns table (run uuid, token bigint, attempt integer, worker text)
language sql stable as $$
  select distinct seen.run, seen.token, seen.attempt, death.worker
  from json_to_recordset(p_deaths) as death (worker text, executing json)
  cross join lateral json_to_recordset(coalesce(death.executing, '[]')) as seen (run uuid, token bigint, attempt integer)
  where (
      exists (select from duckdive.runs as live where live.id = seen.run)
      or exists (select from duckdive.history as past where past.id = seen.run)
    )
    and not exists (
      select from duckdive.claims as held
      where held.worker = death.worker and seen.run = any(held.runs) and seen.token = any(held.seqs)
    )
    and not exists (
      select from duckdive.event as told
      where told.run = seen.run and told.token = seen.token and told.worker = death.worker
        and told.kind in ('lost', 'failed', 'cancelled', 'snoozed', 'handedBack', 'parked', 'suspended')
    )
    and not exists (
      select from duckdive.history as past
      where past.id = seen.run and past.token = seen.token and past.worker = death.worker
    )
$$;

-- Writes down what dead workers were executing under claims that a crash has undone. To be called when their runs were
-- given back. Answers how many losses it has written.
create function duckdive.write_undone(p_deaths json, p_now bigint) returns integer
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  written integer;
begin
  if not exists (select from duckdive.unexplained(p_deaths)) then return 0; end if;
  perform pg_advisory_xact_lock('duckdive.event'::regclass::oid::integer, 0);
  insert into duckdive.event (run, at, kind, attempt, token, worker, detail)
  select missing.run, at, 'lost', missing.attempt, missing.token, missing.worker,
    json_build_object('worker', missing.worker, 'cause', 'a crash of the database undid the claim')
  from duckdive.unexplained(p_deaths) as missing order by missing.run;
  get diagnostics written = row_count;
  return written;
end $$;
