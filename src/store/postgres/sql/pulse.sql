-- What a worker must know: whether it is registered, which of its runs shall end, and which claims it thinks it has and
-- has not, what it was told, the slots that were set, and whether there may be somebody to rescue. The database's time comes with it.
select
  exists (select from duckdive.worker where id = :worker::text),
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
  '{}'::uuid[],
  duckdive.messages_of(:worker::text),
  duckdive.slots_by_queue(),
  exists (select from duckdive.claims as claim where claim.worker <> :worker::text)
    or exists (select from duckdive.worker where heartbeat_at < duckdive.now_or(:now::bigint) - 30000 and id <> :worker::text)
