-- Claims that are not what somebody believes of them: undone by a crash of the database, or taken without anybody's
-- knowing, since what a broken network held back may arrive late. And settlements whose answer was lost.

-- Writes down executions whose claim a crash has undone. Claims are not synced: the run may be handed out again, with the
-- same token and under another claim, and then its record must say why it was executed twice. What the worker settled
-- itself, and has heard no answer of, was not lost; unless it is sure, because the run was handed out to it again.
create function duckdive.write_lost(p_items json, p_now bigint) returns void
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
begin
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

-- How an execution of this worker was settled: the state in which the run ended by it, or 'rests'. Null: it was not.
create function duckdive.outcome_of(p_run uuid, p_token bigint, p_worker text) returns text
language sql stable as $$
  select case
    when exists (
      select from duckdive.event
      where run = p_run and token = p_token and worker = p_worker and kind = 'lost' and detail ->> 'cause' is null
    ) then null
    else coalesce(
      (select state from duckdive.history where id = p_run and token = p_token and worker = p_worker),
      (
        select 'rests' from duckdive.event
        where run = p_run and token = p_token and worker = p_worker
          and kind in ('failed', 'snoozed', 'handedBack', 'parked', 'suspended')
          and detail ->> 'cause' is distinct from 'its claim was never answered' -- which is not its own word: give_back
        limit 1
      )
    )
  end
$$;

-- Gives back what a worker holds under claims that it knows nothing of. Nobody has executed anything of it.
create function duckdive.give_back(p_worker text, p_claims uuid[], p_now bigint) returns integer
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  claim duckdive.claims;
  one duckdive.runs;
  given integer := 0;
begin
  for claim in
    select * from duckdive.claims as own
    where own.id = any(p_claims) and own.worker = p_worker order by own.id for update skip locked
  loop
    for one in
      select live.* from duckdive.runs as live
      where live.id = any(claim.runs) and live.seq = any(claim.seqs) order by live.id for update
    loop
      perform duckdive.append_event(
        one.id, 'handedBack', json_build_object('cause', 'its claim was never answered'), one.attempt + 1, one.seq,
        p_worker, at
      );
      perform duckdive.rest_run(one.id, 'ready', one.run_at, one.route, null, null, null, 0, 0, null, true, at);
      given := given + 1;
    end loop;
    delete from duckdive.claims as own where own.id = claim.id;
  end loop;
  return given;
end $$;
