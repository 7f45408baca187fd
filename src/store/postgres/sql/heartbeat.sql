-- Shows that a worker lives, and tells it what it must know: whether it is registered, which of its runs shall end, which
-- claims it thinks it has and has not, the database's time, which claims it has and knows nothing of, when they are older
-- than any answer can be, what it was told, the slots that were set, and whether there may be somebody to rescue. Index: the primary keys.
with beat as (
  update duckdive.worker set
    heartbeat_at = duckdive.now_or(:now::bigint), beats = beats + 1, report = coalesce(:report::json, report)
  where id = :worker::text
  returning id
)
select
  exists (select from beat),
  coalesce((
    select json_agg(json_build_object('run', run.id, 'token', run.seq, 'reason', run.cancel_asked))
    from duckdive.runs as run
    where run.cancel_asked is not null and exists (
      select from duckdive.held where held.id = run.id and held.worker = :worker::text
    )
  ), '[]'),
  array(select claim from unnest(:claims::uuid[]) as claim where not exists (
    select from duckdive.claims where claims.id = claim
  )),
  floor(extract(epoch from clock_timestamp()) * 1000)::bigint,
  array(
    select claim.id from duckdive.claims as claim
    where claim.worker = :worker::text and claim.id <> all(:claims::uuid[])
      and claim.at < duckdive.now_or(:now::bigint) - 30000
  ),
  duckdive.messages_of(:worker::text),
  duckdive.slots_by_queue(),
  exists (select from duckdive.claims as claim where claim.worker <> :worker::text)
    or exists (select from duckdive.worker where heartbeat_at < duckdive.now_or(:now::bigint) - 30000 and id <> :worker::text)
