// Generated from src/store/postgres/sql and src/store/postgres/migrations by scripts/compile-sql.mjs.
// Change the .sql files, then run `npm run docs`; `npm run check` fails when this file is stale.

export const statements = {
  addTallies: `select duckdive.add_tallies(:tallies::json, :waits::json)`,
  admissionOfRuns: `select id, gates, fair from duckdive.runs where id = any(:ids::uuid[]) and (gates is not null or fair is not null)
union all
select id, gates, fair from duckdive.history where id = any(:ids::uuid[]) and (gates is not null or fair is not null)`,
  adopt: `select id::text
from duckdive.adopt_batches(:batches::json) as batches cross join duckdive.adopt(:items::json, :token::bigint, :now::bigint) as id`,
  batches: `select own.id, own.name, own.batch, counts.total, counts.succeeded, counts.failed, counts.cancelled, own.created_at,
  own.finished_at, own.succeeded_at
from duckdive.batch as own cross join lateral duckdive.counts_of(own.id) as counts
where own.id = any(:ids::uuid[])`,
  bury: `select run, job, attempt, worker, state, cause, innocent from duckdive.bury(:deaths::json, :how::text, :now::bigint)`,
  cancel: `select answers, ended, freed, due from duckdive.cancel_each(:ids::uuid[], :reason::text, :now::bigint)`,
  change: `select duckdive.change(:ids::uuid[], :change::json, :now::bigint)`,
  claim: `select amount, let_go
from duckdive.claim(:worker::text, :claim::uuid, :queues::jsonb, :abilities::jsonb, :now::bigint, :ageing::bigint)`,
  claimed: `select id, token, job, version, queue, priority, input, attempt, crashes, requested_at, run_at, started_at, start_by,
  finish_by, tags, meta, is_paused, gate_keys, rate_keys, batch, durable, parent, is_unique
from duckdive.claimed(:claim::uuid)`,
  countRuns: `with held as materialized (
  select id from duckdive.held
)
select
  (select count(*) from duckdive.runs as live left join held on held.id = live.id
  where (:ids::uuid[] is null or live.id = any(:ids::uuid[]))
    and (:parents::uuid[] is null or live.parent = any(:parents::uuid[]))
    and (:jobs::text[] is null or live.job = any(:jobs::text[]))
    and (:states::text[] is null or case when held.id is null then live.state else 'running' end = any(:states::text[]))
    and (:queues::text[] is null or live.queue = any(:queues::text[]))
    and :reasons::text[] is null
    and (:waiting::text[] is null or live.wait_reason = any(:waiting::text[]))
    and (:since::bigint is null or live.requested_at >= :since::bigint)
    and (:until::bigint is null or live.requested_at < :until::bigint)
    and (:tags::text[] is null or exists (
      select from json_array_elements_text(live.tags) as tag where tag = any(:tags::text[])
    ))
    and (:meta::jsonb is null or coalesce(live.meta::jsonb, '{}') @> :meta::jsonb)
    and (:errors::text[] is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), :errors::text[]))
    and (:text::text is null or position(:text::text in duckdive.input_of(live.id, live.body, live.input)) > 0))
  + (select count(*) from duckdive.history as past
  where (:ids::uuid[] is null or past.id = any(:ids::uuid[]))
    and (:parents::uuid[] is null or past.parent = any(:parents::uuid[]))
    and (:jobs::text[] is null or past.job = any(:jobs::text[]))
    and (:states::text[] is null or past.state = any(:states::text[]))
    and (:queues::text[] is null or past.queue = any(:queues::text[]))
    and (:reasons::text[] is null or past.reason = any(:reasons::text[]))
    and :waiting::text[] is null
    and (:since::bigint is null or past.requested_at >= :since::bigint)
    and (:until::bigint is null or past.requested_at < :until::bigint)
    and (:tags::text[] is null or exists (
      select from json_array_elements_text(past.tags) as tag where tag = any(:tags::text[])
    ))
    and (:meta::jsonb is null or coalesce(past.meta::jsonb, '{}') @> :meta::jsonb)
    and (:errors::text[] is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), :errors::text[]))
    and (:text::text is null or position(:text::text in duckdive.input_of(past.id, past.body, past.input)) > 0))`,
  countStates: `with held as materialized (select id from duckdive.held)
select case when held.id is null then run.state else 'running' end as state, count(*)
from duckdive.runs as run left join held on held.id = run.id group by 1
union all
select state, count(*) from duckdive.history group by 1`,
  databaseTime: `select floor(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  definitions: `select job, version, queue, priority, attempts, prepared, description, crashes, events, redact from duckdive.definition order by job`,
  deliverSignals: `select answers, missed::text as missed, woken
from duckdive.signal(
  :signals::text::json, :inside::text::boolean, :now::text::bigint, :notice::text, :nonce::text
)`,
  departed: `select id, host, pid, release, started_at, heartbeat_at, ended_at, how, cause, lost, runs
from duckdive.departed order by number desc limit :limit::bigint`,
  doErrands: `select done, rest, ended, asked, woken, keys, duckdive.has_flow(:subjects::uuid[])
from duckdive.do_errands(:subjects::uuid[], :limit::integer, :now::bigint)`,
  doFlow: `select done, rest, ended, asked, claimable, due, keys from duckdive.do_flow(:subjects::uuid[], :limit::integer, :now::bigint)`,
  dropPartition: `select duckdive.drop_partition(:name::text)`,
  dueSchedules: `select name, origin, job, times, policy, input, next_at from duckdive.schedule
where next_at <= duckdive.now_or(:now::bigint) and paused_at is null and retired_at is null
  and case origin when 'code' then name = any(:names::text[]) else job = any(:jobs::text[]) end
order by next_at limit :limit::integer`,
  entriesOfRuns: `select run, name, kind, hash, state, position, value, error, due_at, attempts, written_at
from duckdive.entry where run = any(:ids::uuid[]) order by run, position nulls last, name`,
  entries: `select name, kind, hash, state, position, value, error, due_at, attempts, written_at
from duckdive.entry where run = :run::uuid order by position nulls last, name`,
  examine: `select
  current_setting('server_version'),
  (select max(number) from duckdive.migration),
  (
    select coalesce(max(right(relname, 8)::date) - to_timestamp(duckdive.now_or(:now::bigint) / 1000)::date, 0)
    from pg_class
    where relname ~ '^history_week_[0-9]{8}$'
      and relnamespace = (select relnamespace from pg_class where oid = 'duckdive.history'::regclass)
  ),
  oldest.milliseconds,
  oldest.holder,
  pg_notification_queue_usage(),
  pg_size_pretty(pg_total_relation_size('duckdive.runs')),
  current_setting('synchronous_commit')
from (select 1) as one
left join lateral (
  select floor(extract(epoch from clock_timestamp() - xact_start) * 1000)::bigint as milliseconds,
    'pid ' || pid || coalesce(', ' || application_name, '') as holder
  from pg_stat_activity
  where xact_start is not null and (backend_xmin is not null or backend_xid is not null) and pid <> pg_backend_pid()
  order by xact_start limit 1
) as oldest on true`,
  extendHistoryTo: `select duckdive.extend_history_to(:finished::bigint[], :keeps::bigint[])`,
  extendHistory: `select duckdive.come_home(), duckdive.extend_history(:now::bigint)`,
  findRuns: `select run.id, run.job, run.version, run.queue, run.priority, run.state, run.reason, run.wait_reason, run.wait_on,
  run.cancel_asked, run.route, run.token, run.attempt, run.crashes, run.worker, run.requested_at, run.run_at, run.started_at,
  run.finished_at, run.start_by, run.finish_by, run.expires_at,
  case when run.body & 1 = 1 then body.input else run.input::text end,
  case when run.body & 2 = 2 then body.output else run.output::text end,
  case when run.body & 4 = 4 then body.error else run.error::text end,
  run.tags, run.meta, run.release, run.parent, run.batch, run.after,
  progress.done, progress.total, progress.note, run.ran
from duckdive.stored(:ids::uuid[]) as run
left join lateral (
  select input, output, error from duckdive.body where body.run = run.id and run.body <> 0 offset 0
) as body on true
left join lateral (select done, total, note from duckdive.progress where progress.run = run.id offset 0) as progress on true`,
  finishDetach: `select duckdive.finish_detach(:parent::text, :name::text)`,
  forgetEntries: `select duckdive.forget_entries(:run::uuid, :entry::text, :now::bigint)`,
  forgetSchedulers: `select duckdive.forget_schedulers(:workers::text[], :now::bigint)`,
  forget: `select duckdive.forsake(:ids::uuid[]), duckdive.forget(array(
  select id from unnest(:ids::uuid[]) as id where not exists (select from duckdive.runs where runs.id = id)
))`,
  gatesOfWorkers: `select duckdive.gates_of_workers(:workers::text[])`,
  gatesOf: `select duckdive.gates_of(:ids::uuid[])`,
  giveBack: `select duckdive.give_back(:worker::text, :claims::uuid[], :now::bigint)`,
  handOver: `select handed, rest from duckdive.hand_over(:keys::bigint[], :now::bigint)`,
  heard: `delete from duckdive.message where worker = :worker::text and id = any(:messages::text[])`,
  heartbeat: `with beat as (
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
    or exists (select from duckdive.worker where heartbeat_at < duckdive.now_or(:now::bigint) - 30000 and id <> :worker::text)`,
  holdBack: `select duckdive.hold_back(:rates::bigint[], :queue::text, :for::bigint, :now::bigint)`,
  holdLock: `update duckdive.worker set lock = case when pg_try_advisory_lock(:lock::bigint) then :lock::bigint end
where id = :worker::text returning lock is not null`,
  insertRuns: `select id::text as id
from duckdive.insert_runs(
  :ids::text::uuid[], :inputs::text::text[], :numbers::text::integer[], :shapes::text::json, :known::text::uuid[],
  :isLong::text::boolean, :now::text::bigint, :notice::text, :nonce::text,
  :keys::text::uuid[]
) as id`,
  isStandby: `select pg_is_in_recovery()::text`,
  listBatches: `select own.id, own.name, own.batch, counts.total, counts.succeeded, counts.failed, counts.cancelled, own.created_at,
  own.finished_at, own.succeeded_at
from (
  select * from duckdive.batch where id < :before::uuid order by id desc limit :limit::integer
) as own cross join lateral duckdive.counts_of(own.id) as counts
order by own.id desc`,
  listChildren: `with held as materialized (
  select id from duckdive.held
)
select page.id, page.moment from (
  (select live.id,
    case when get_byte(uuid_send(live.id), 6) >> 4 = 7 then duckdive.time_in(live.id) else live.requested_at end as moment
  from (
    select * from duckdive.runs where parent = any(:parents::uuid[]) offset 0
  ) as live left join held on held.id = live.id
  where (:ids::uuid[] is null or live.id = any(:ids::uuid[]))
    and (:jobs::text[] is null or live.job = any(:jobs::text[]))
    and (:states::text[] is null or case when held.id is null then live.state else 'running' end = any(:states::text[]))
    and (:queues::text[] is null or live.queue = any(:queues::text[]))
    and :reasons::text[] is null
    and (:waiting::text[] is null or live.wait_reason = any(:waiting::text[]))
    and (:since::bigint is null or live.requested_at >= :since::bigint)
    and (:until::bigint is null or live.requested_at < :until::bigint)
    and (:tags::text[] is null or exists (
      select from json_array_elements_text(live.tags) as tag where tag = any(:tags::text[])
    ))
    and (:meta::jsonb is null or coalesce(live.meta::jsonb, '{}') @> :meta::jsonb)
    and (:errors::text[] is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), :errors::text[]))
    and (:text::text is null or position(:text::text in duckdive.input_of(live.id, live.body, live.input)) > 0))
  union all
  (select past.id,
    case when get_byte(uuid_send(past.id), 6) >> 4 = 7 then duckdive.time_in(past.id) else past.requested_at end
  from (
    select past.* from duckdive.child cross join lateral (
      select * from duckdive.history where history.id = child.run offset 0
    ) as past
    where child.parent = any(:parents::uuid[])
  ) as past
  where (:ids::uuid[] is null or past.id = any(:ids::uuid[]))
    and (:jobs::text[] is null or past.job = any(:jobs::text[]))
    and (:states::text[] is null or past.state = any(:states::text[]))
    and (:queues::text[] is null or past.queue = any(:queues::text[]))
    and (:reasons::text[] is null or past.reason = any(:reasons::text[]))
    and :waiting::text[] is null
    and (:since::bigint is null or past.requested_at >= :since::bigint)
    and (:until::bigint is null or past.requested_at < :until::bigint)
    and (:tags::text[] is null or exists (
      select from json_array_elements_text(past.tags) as tag where tag = any(:tags::text[])
    ))
    and (:meta::jsonb is null or coalesce(past.meta::jsonb, '{}') @> :meta::jsonb)
    and (:errors::text[] is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), :errors::text[]))
    and (:text::text is null or position(:text::text in duckdive.input_of(past.id, past.body, past.input)) > 0))
) as page
where (page.moment, page.id) < (:moment::bigint, :before::uuid)
order by page.moment desc, page.id desc limit :limit::integer`,
  listLiveRuns: `select id, moment from duckdive.list_live(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)`,
  listRunningRuns: `select id, moment from duckdive.list_running(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)`,
  listRuns: `select id, moment from duckdive.list_runs(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)`,
  listUnwellRuns: `select id, moment from duckdive.list_unwell(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)`,
  listWaitingRuns: `select id, moment from duckdive.list_waiting(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)`,
  logsOfRuns: `select run, at, attempt, level, message, fields from duckdive.log where run = any(:ids::uuid[]) order by run, at, number`,
  logs: `select at, attempt, level, message, fields from duckdive.log where run = :run::uuid order by at, number`,
  makeLanes: `select duckdive.lane_for(
  home.queue, lane.priority, '', false, coalesce(lane.gated, false), coalesce(lane.fair, false)
)
from json_to_recordset(:lanes::json) as lane (queue text, priority smallint, gated boolean, fair boolean)
cross join lateral (select lane.queue union select queue from duckdive.reroute) as home`,
  needsOfRuns: `select run, min(policy), json_agg(needs order by needs) from duckdive.dependency
where run = any(:ids::uuid[]) and is_open group by run`,
  nextDue: `select duckdive.next_due(:now::bigint), duckdive.now_or(:now::bigint)`,
  nextTick: `select
  (
    select next_at from duckdive.schedule
    where next_at is not null and paused_at is null and retired_at is null
      and case origin when 'code' then name = any(:names::text[]) else job = any(:jobs::text[]) end
    order by next_at limit 1
  ),
  exists (
    select from duckdive.scheduler as own left join duckdive.schedule as known on known.name = own.schedule
    where own.worker = :worker and own.schedule <> ''
      and (known.name is null or known.origin <> 'code' or known.retired_at is not null or (
        known.digest <> own.digest and not exists (
          select from duckdive.scheduler as other where other.schedule = known.name and other.digest = known.digest
        )
      ))
  )`,
  nonce: `select nonce from duckdive.meta`,
  openVersions: `select job, version, count(*) from (select job, version from duckdive.runs limit :limit::bigint) as open
group by job, version order by job, version`,
  outcomes: `select duckdive.outcome_of(asked.run, asked.token, asked.worker)
from unnest(:runs::uuid[], :tokens::bigint[], :workers::text[]) with ordinality as asked (run, token, worker, number)
order by asked.number`,
  outerBatches: `with recursive up as (
  select own.id as first, 1 as level, own.id, own.batch from duckdive.batch as own where own.id = any(:ids::uuid[])
  union all
  select up.first, up.level + 1, own.id, own.batch from up join duckdive.batch as own on own.id = up.batch
)
select up.first, own.id, own.name, own.batch, counts.total, counts.succeeded, counts.failed, counts.cancelled, own.created_at,
  own.finished_at, own.succeeded_at, own.elsewhere, own.on_success -> 'run', own.on_finished -> 'run', meta.nonce
from up join duckdive.batch as own on own.id = up.id
cross join lateral duckdive.counts_of(own.id) as counts
cross join duckdive.meta
order by up.first, up.level`,
  owns: `select duckdive.owns(:run::uuid, :token::bigint, :claim::uuid)`,
  pauseSchedule: `select duckdive.pause_schedule(:name, :pause::boolean, :next::bigint, :now::bigint)`,
  pause: `insert into duckdive.pause (kind, name, paused_at) values (:kind::text, :name::text, duckdive.now_or(:now::bigint))
on conflict do nothing`,
  pauses: `select kind, name from duckdive.pause order by kind, name`,
  peek: `select
  exists (select from duckdive.lanes_with_work('{"*": 1}', :abilities::jsonb, false)) or calls.preparation,
  exists (
    select from duckdive.lane cross join lateral (
      select pend from duckdive.lane_state as own where own.lane = lane.id order by own.n desc limit 1
    ) as state
    where state.pend <> '{}'
  ),
  duckdive.next_due(null),
  calls.cancellation,
  (select schedules from duckdive.meta)
from duckdive.calls() as calls`,
  peers: `select worker.id, worker.host, worker.pid, worker.process_start, worker.beats,
  worker.lock is not null,
  exists (
    select from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted
      and database = (select oid from pg_database where datname = current_database())
      and classid = ((worker.lock >> 32) & 4294967295)::oid and objid = (worker.lock & 4294967295)::oid
  ),
  exists (select from duckdive.claims as claim where claim.worker = worker.id),
  worker.runner
from duckdive.worker
union all
select distinct claim.worker, '', 0, null, 0::bigint, false, false, true, null::integer from duckdive.claims as claim
where not exists (select from duckdive.worker where worker.id = claim.worker)`,
  prepareRuns: `select id from duckdive.prepare_runs(:items::json, :now::bigint) as id`,
  promote: `select moved, ended, array_to_json(jobs), keys, opened from duckdive.promote(:limit::integer, :now::bigint)`,
  pruneBatches: `select duckdive.prune_batches(:limit::integer, :now::bigint)`,
  pruneSignals: `select duckdive.prune_signals(:limit::integer, :now::bigint)`,
  pruneTallies: `select duckdive.prune_tallies(:now::bigint)`,
  pruneWindows: `select duckdive.prune_windows(:now::bigint)`,
  prune: `select duckdive.prune(:limit::integer, :now::bigint)`,
  publishSchedules: `select duckdive.publish_schedules(:worker, :items::json, :isAll::boolean, :release, :away::bigint, :now::bigint)`,
  publish: `insert into duckdive.definition (job, version, queue, priority, attempts, crashes, prepared, description, events, redact, published_at)
select job, version, queue, priority, attempts, crashes, prepared, description, events, redact, duckdive.now_or(:now::bigint)
from json_to_recordset(:definitions::json) as definition (
  job text, version integer, queue text, priority smallint, attempts integer, crashes integer, prepared boolean,
  description text, events json, redact json
)
order by job
on conflict (job) do update set
  version = excluded.version, queue = excluded.queue, priority = excluded.priority, attempts = excluded.attempts,
  crashes = excluded.crashes, prepared = excluded.prepared, description = excluded.description,
  events = excluded.events, redact = excluded.redact,
  published_at = excluded.published_at
where excluded.version >= definition.version`,
  pulse: `select
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
    or exists (select from duckdive.worker where heartbeat_at < duckdive.now_or(:now::bigint) - 30000 and id <> :worker::text)`,
  putSchedule: `select duckdive.put_schedule(:item::json, :how, :release, :now::bigint)`,
  queueCounts: `with held as materialized (select id from duckdive.held)
select run.queue, case when held.id is null then run.state else 'running' end as state, count(*),
  min(run.run_at) filter (where held.id is null and run.state = 'ready')
from duckdive.runs as run left join held on held.id = run.id
group by 1, 2
union all select queue, 'known', 0, null from duckdive.definition
union all select name, 'paused', 0, null from duckdive.pause where kind = 'queue'
union all select queue, 'held', until, null from duckdive.held_queue where until > duckdive.now_or(:now::bigint)
union all select queue, 'slots', slots, null from duckdive.queue_slots`,
  recordFlow: `select id::text as id, run::text as run, answer, let_go::text as let_go
from duckdive.record_flow(
  :ids::text::uuid[], :inputs::text::text[], :numbers::text::integer[], :shapes::text::json, :known::text::uuid[],
  :isLong::text::boolean, :now::text::bigint, :notice::text, :nonce::text, :keys::text::uuid[], :patience::text,
  :runs::text::uuid[], :needs::text::uuid[], :policies::text::smallint[], :batches::text::json
)`,
  recordIn: `select duckdive.record_inside(
  :run::text::uuid, :token::text::bigint, :claim::text::uuid, :entries::text::json, :after::text::integer,
  :now::text::bigint, :nonce::text
) as answer`,
  recordTicks: `select duckdive.record_ticks(
  :schedule, :expected::bigint, :next::bigint, :unlessRunning::boolean, :ticks::json, :kept::integer,
  :ids::uuid[], :inputs::text[], :numbers::integer[], :shapes::json, :isLong::boolean, :notice, :now::bigint,
  :keys::uuid[]
)`,
  recordUnique: `select id::text as id, run::text as run, answer, let_go::text as let_go
from duckdive.record_unique(
  :ids::text::uuid[], :inputs::text::text[], :numbers::text::integer[], :shapes::text::json, :known::text::uuid[],
  :isLong::text::boolean, :now::text::bigint, :notice::text, :nonce::text, :keys::text::uuid[], :all::text::boolean,
  :patience::text
)`,
  record: `select item, answer, name, kind, hash, state, position, value, error, due_at, attempts, written_at
from duckdive.record(:items::json, :waits::boolean, :now::bigint)`,
  register: `select duckdive.register(:worker::json, :now::bigint)`,
  release: `select duckdive.release(:ids::uuid[], :tokens::bigint[], :states::text[])`,
  removeSchedule: `select duckdive.remove_schedule(:name)`,
  remove: `select answers, ended, freed, due from duckdive.remove_each(:ids::uuid[], true, :now::bigint)`,
  reroutes: `select job, queue from duckdive.reroute order by job`,
  resume: `select duckdive.resume(:kind::text, :name::text, :now::bigint)`,
  retry: `select duckdive.retry(:ids::uuid[], :now::bigint)`,
  rollUpTallies: `select duckdive.roll_up_tallies(:now::bigint)`,
  say: `select pg_notify('duckdive', :notice::text)`,
  schedules: `select
  schedule.name, schedule.origin, schedule.job, schedule.times, schedule.policy, schedule.input, schedule.release,
  schedule.next_at, schedule.paused_at, schedule.retired_at, schedule.created_at,
  case schedule.origin
    when 'code' then (select count(*) from duckdive.scheduler as had where had.schedule = schedule.name)
    else (select count(*) from duckdive.ability as had where had.job = schedule.job)
  end,
  tick.at, tick.until, tick.count, tick.outcome, tick.run, tick.note, tick.recorded_at
from duckdive.schedule
left join duckdive.tick on tick.schedule = schedule.name and tick.number = schedule.ticks
where :names::text[] is null or schedule.name = any(:names::text[])
order by schedule.name collate "C"`,
  setReroute: `select duckdive.set_reroute(:job::text, :queue::text)`,
  setSlots: `select duckdive.set_slots(:queue::text, :slots::integer)`,
  settleIn: `select answer, has_flow::text as left from duckdive.settle_inside(
  :item::text::json, :notes::text::json, :run::text::uuid, :token::text::bigint, :claim::text::uuid, :now::text::bigint,
  :notice::text, :nonce::text
)`,
  settlePlain: `select taken, unfinished from duckdive.settle_quickly(
  :runs::uuid[], :tokens::bigint[], :claims::uuid[], :outputs::text[], :keeps::bigint[], :done::uuid[], :now::bigint
)`,
  settleWith: `select answers, unfinished, due from duckdive.settle_apart(:items::json, :done::uuid[], :now::bigint)`,
  settle: `select answers, unfinished, due from duckdive.settle_all(:items::json, :done::uuid[], :now::bigint)`,
  signalsOfRuns: `select run, id, name, payload from duckdive.signal where run = any(:ids::uuid[]) and not taken order by number`,
  spentPartitions: `select parent, name, state from duckdive.spent_partitions(:now::bigint) order by state <> 'pending', name`,
  standing: `select duckdive.standing(:run::uuid, :now::bigint)`,
  superseded: `select duckdive.superseded(:runs::uuid[], :tokens::bigint[])`,
  sweepGates: `select next, handed, rest from duckdive.sweep_gates(:before::bigint, :limit::integer, :now::bigint)`,
  tallies: `select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran
from duckdive.tally_hour where minute >= :since::bigint
union all
select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran
from duckdive.tally where minute >= :since::bigint order by minute, queue, job`,
  tell: `select duckdive.tell(:messages::json, :now::bigint)`,
  ticks: `select at, until, count, outcome, run, note, recorded_at from duckdive.tick
where schedule = :name order by number desc limit :limit::integer`,
  timeline: `select at, kind, attempt, token, worker, detail from duckdive.event where run = :run::uuid order by at, number`,
  timelines: `select run, at, kind, attempt, token, worker, detail from duckdive.event where run = any(:ids::uuid[]) order by run, at, number`,
  unparkLeft: `select duckdive.unpark_left(:now::bigint)`,
  waits: `select minute, queue, step, number from duckdive.wait_hour where minute >= :since::bigint
union all
select minute, queue, step, number from duckdive.wait where minute >= :since::bigint order by minute, queue, step`,
  workers: `select id, host, pid, release, queues, started_at, heartbeat_at,
  (select count(*) from duckdive.held where held.worker = worker.id),
  coalesce((
    select json_agg(json_build_object('job', job, 'version', version) order by job)
    from duckdive.ability where ability.worker = worker.id
  ), '[]'),
  runner, report
from duckdive.worker order by started_at, id`,
  writeLost: `select duckdive.write_lost(:items::json, :now::bigint)`,
  writeNotes: `select duckdive.write_notes(:items::json, :now::bigint)`,
  writeUndone: `select duckdive.write_undone(:deaths::json, :now::bigint)`,
} as const;

export const migrations = [
  {
    number: 1,
    name: "tables",
    sql: `-- The tables of duckdive on PostgreSQL. docs/decisions/0004-postgres-storage.md says why they have this shape.
--
-- Everything lives in one schema, \`duckdive\` unless named otherwise; whoever runs these files by hand may write another
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

-- The classes of keeping: up to \`longest\` a run is in this class, and its partitions are this wide.
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
`,
  },
  {
    number: 2,
    name: "lanes",
    sql: `-- Lanes and claims: how runs are handed out. docs/decisions/0004-postgres-storage.md has the proof of it.
--
-- A position is (xid, seq), and xid is the transaction that gave it. A claim reads a lane forward from its cursor and
-- remembers the transactions that were in progress when the cursor passed them: what they commit later is found by an
-- exact probe. Whoever changes a lane's state holds the lane's advisory lock, and reads the state in a statement that
-- begins after the lock was taken: only that has a snapshot in which the last holder is seen.

-- The time that decides: the database's, unless a test brings its own.
create function duckdive.now_or(p_now bigint) returns bigint
language sql volatile as $$ select coalesce(p_now, floor(extract(epoch from clock_timestamp()) * 1000)::bigint) $$;

-- The time for a transaction that makes something due. Its number comes first, then the clock is read: so whatever a
-- transaction with a number above somebody's snapshot makes due, is due after the time that somebody had read before.
create function duckdive.moment(p_now bigint) returns bigint
language plpgsql volatile as $$
begin
  perform pg_current_xact_id();
  return duckdive.now_or(p_now);
end $$;

-- When a run has to be looked at. Never before p_now: what is before that has been looked at already.
create function duckdive.due_of(
  p_state text, p_run_at bigint, p_start_by bigint, p_started_at bigint, p_finish_by bigint, p_now bigint
) returns bigint
language sql immutable as $$
  select case when p_state = 'scheduled' or (p_start_by is not null and p_started_at is null) or p_finish_by is not null
    then greatest(
      p_now,
      least(
        case when p_state = 'scheduled' then p_run_at end, case when p_started_at is null then p_start_by end, p_finish_by
      )
    ) end
$$;

-- The lane of a kind, made when it is new. Never called in a transaction of the application: it takes a lock.
create function duckdive.lane_for(p_queue text, p_priority smallint, p_route text, p_front boolean) returns integer
language plpgsql volatile as $$
declare
  found_lane integer;
begin
  select id into found_lane from duckdive.lane
  where queue = p_queue and priority = p_priority and route = p_route and front = p_front;
  if found then return found_lane; end if;
  perform pg_advisory_xact_lock('duckdive.lane'::regclass::oid::integer, 0);
  select id into found_lane from duckdive.lane
  where queue = p_queue and priority = p_priority and route = p_route and front = p_front;
  if found then return found_lane; end if;
  insert into duckdive.lane (queue, priority, route, front, route_job, route_version)
  values (
    p_queue, p_priority, p_route, p_front,
    nullif(regexp_replace(p_route, '@[0-9]+$', ''), ''), substring(p_route from '@([0-9]+)$')::integer
  )
  returning id into found_lane;
  insert into duckdive.lane_state (lane, n) values (found_lane, 0);
  return found_lane;
end $$;

-- Takes up to p_limit runs from a lane whose lock is held. With p_jump the cursor goes on even when nothing was found,
-- so that dead entries in front of it (many runs cancelled at once) are walked a last time.
create function duckdive.take(p_lane integer, p_limit integer, p_jump boolean, out ids uuid[], out seqs bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  with state as materialized (
    select * from duckdive.lane_state where lane = p_lane order by n desc limit 1
  ), present as materialized (
    select pg_current_snapshot() as snapshot
  ), finished as materialized (
    select p.x, p.a from state, present, lateral unnest(state.pend, state.after) as p (x, a)
    where pg_visible_in_snapshot(p.x, present.snapshot)
  ), late as materialized (
    select run.* from finished cross join lateral (
      select r.id, r.xid, r.seq from duckdive.runs as r
      where r.lane = p_lane and r.xid = finished.x and r.seq > finished.a
      order by r.xid, r.seq limit p_limit
    ) as run
    order by run.xid, run.seq limit p_limit
  ), main as materialized (
    select run.* from state cross join present cross join lateral (
      select r.id, r.xid, r.seq from duckdive.runs as r
      where r.lane = p_lane and (r.xid, r.seq) > (state.cx, state.cs)
        and r.xid < pg_snapshot_xmax(present.snapshot) -- but for what is from another cluster that is always so
      order by r.xid, r.seq limit p_limit - (select count(*) from late)
    ) as run
  ), amount as materialized (
    select (select count(*) from late) as late, (select count(*) from main) as main
  ), last_late as (
    select xid, seq from late order by xid desc, seq desc limit 1
  ), last_main as (
    select xid, seq from main order by xid desc, seq desc limit 1
  ), cursor as materialized (
    -- Fewer than asked for: nothing visible is left before the newest transaction, so the cursor may go there.
    select
      case when is_end then pg_snapshot_xmax(snapshot) when amount.main > 0 then (select xid from last_main) else cx end as cx,
      case when is_end then -1 when amount.main > 0 then (select seq from last_main) else cs end as cs
    from state, present, amount, lateral (
      select amount.late + amount.main < p_limit and (amount.main > 0 or p_jump)
        and pg_snapshot_xmax(snapshot) > state.cx as is_end
    ) as at_end
  ), pending as (
    select p.x, p.a from state, present, lateral unnest(state.pend, state.after) as p (x, a)
    where not pg_visible_in_snapshot(p.x, present.snapshot)
    union all
    -- The limit was reached inside of what came late: the rest of it is for the next claim.
    select finished.x, case when finished.x = last_late.xid then last_late.seq else finished.a end
    from finished, last_late, amount
    where amount.late = p_limit and finished.x >= last_late.xid
    union all
    select x, -1 from state, present, cursor, lateral pg_snapshot_xip(present.snapshot) as x
    where x >= state.cx and x < cursor.cx
  ), moved as (
    update duckdive.lane_state as own
    set n = own.n + 1, cx = cursor.cx, cs = cursor.cs,
      pend = coalesce((select array_agg(x) from pending), '{}'),
      after = coalesce((select array_agg(a) from pending), '{}')
    from state, cursor, amount
    where own.lane = p_lane and own.n = state.n
      and (amount.late + amount.main > 0 or exists (select from finished) or cursor.cx > state.cx)
  )
  select array_agg(taken.id), array_agg(taken.seq) into ids, seqs
  from (select id, seq from late union all select id, seq from main) as taken;
end $$;

-- Transaction numbers do not survive a dump: in another cluster a cursor may stand where no number comes for years, or
-- runs after it may have numbers that are still to come. Then all of the lane gets new positions, in its order, before
-- everything else. What claims hold there has no place any more: it is settled or rescued, as ever.
create function duckdive.renumber(p_lane integer) returns void
language plpgsql volatile
set jit = off set enable_nestloop = off set enable_mergejoin = off
as $$
begin
  -- By the seq as well: one that is given back meanwhile is nobody's, and keeps the place that it was given.
  update duckdive.runs as run set lane = null from duckdive.held
  where run.lane = p_lane and run.id = held.id and run.seq = held.seq;
  with ordered as materialized (
    select id, nextval('duckdive.seq') as seq
    from (select id from duckdive.runs where lane = p_lane order by xid, seq) as run
  )
  update duckdive.runs as run set xid = '0', seq = ordered.seq from ordered where run.id = ordered.id;
  update duckdive.lane_state set n = n + 1, cx = '0', cs = -1, pend = '{}', after = '{}'
  where lane = p_lane and n = (select max(n) from duckdive.lane_state where lane = p_lane);
end $$;

-- Whether positions of a lane are from another cluster. Whoever asks under the lane's lock is told for certain.
create function duckdive.is_foreign(p_lane integer) returns boolean
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
begin
  return (
    select state.cx > pg_snapshot_xmax(pg_current_snapshot()) or exists (
      select from duckdive.runs where lane = p_lane and xid >= pg_snapshot_xmax(pg_current_snapshot())
    )
    from duckdive.lane_state as state where state.lane = p_lane order by n desc limit 1
  );
end $$;

-- Renumbers everything when this is not the cluster and not the tables that it was written in. Called when a store is
-- opened; that a claim sees it too is for workers that were there before.
create function duckdive.come_home() returns void
language plpgsql volatile as $$
declare
  here constant text := md5(concat_ws(' ',
    case when has_function_privilege('pg_control_system()', 'execute')
      then (select system_identifier from pg_control_system()) end,
    (select oid from pg_database where datname = current_database()), 'duckdive.runs'::regclass::oid,
    'duckdive.claims'::regclass::oid, 'duckdive.lane_state'::regclass::oid, 'duckdive.history'::regclass::oid
  ));
begin
  if (select home from duckdive.meta) = here then return; end if;
  perform pg_advisory_xact_lock('duckdive.due_state'::regclass::oid::integer, 0);
  perform pg_advisory_xact_lock('duckdive.lane'::regclass::oid::integer, one.id)
  from (select id from duckdive.lane order by priority desc, id) as one;
  if (select home from duckdive.meta) = here then return; end if;
  perform duckdive.renumber(id) from duckdive.lane;
  delete from duckdive.due_state;
  update duckdive.meta set home = here;
end $$;

-- Moves the cursor of a lane, whose lock is held, over what was just taken out in front of it: those entries stay in the
-- index for as long as somebody may see them, and are walked here and never again. Called last: what its own transaction
-- puts into the lane after it might be behind the cursor, since no snapshot shows a transaction itself as under way.
create function duckdive.pass_dead(p_lane integer) returns void
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  with state as materialized (
    select * from duckdive.lane_state where lane = p_lane order by n desc limit 1
  ), present as materialized (
    select pg_current_snapshot() as snapshot
  ), head as materialized (
    select run.* from state cross join present cross join lateral (
      select r.xid, r.seq from duckdive.runs as r
      where r.lane = p_lane and (r.xid, r.seq) > (state.cx, state.cs) and r.xid < pg_snapshot_xmax(present.snapshot)
      order by r.xid, r.seq limit 1
    ) as run
  ), cursor as materialized (
    select coalesce(head.xid, pg_snapshot_xmax(snapshot)) as cx, coalesce(head.seq - 1, -1) as cs
    from present left join head on true
  ), pending as (
    -- What has finished stays here as long as it has something that a claim must find.
    select p.x, p.a from state, present, lateral unnest(state.pend, state.after) as p (x, a)
    where not pg_visible_in_snapshot(p.x, present.snapshot) or exists (
      select from duckdive.runs as r where r.lane = p_lane and r.xid = p.x and r.seq > p.a
    )
    union all
    select x, -1 from state, present, cursor, lateral pg_snapshot_xip(present.snapshot) as x
    where x >= state.cx and x < cursor.cx
  )
  update duckdive.lane_state as own
  set n = own.n + 1, cx = cursor.cx, cs = cursor.cs,
    pend = coalesce((select array_agg(x) from pending), '{}'),
    after = coalesce((select array_agg(a) from pending), '{}')
  from state, cursor
  where own.lane = p_lane and own.n = state.n and (cursor.cx, cursor.cs) > (state.cx, state.cs);
end $$;

-- The lanes that a worker may draw from and that have something for it (with p_all: all of them): by priority, then by
-- the age of what stands first in them. No more than it can use: each has one run at least, unless somebody is faster,
-- and each is locked.
create function duckdive.lanes_with_work(p_queues jsonb, p_abilities jsonb, p_all boolean)
returns table (lane integer, priority smallint, pool text, is_restored boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
begin
  return query
  select found.lane, found.priority, found.pool, found.is_restored
  from (
    select line.id as lane, line.priority, slots.pool, head.run_at, head.xid, head.seq,
      state.cx > pg_snapshot_xmax(pg_current_snapshot())
        or coalesce(head.xid >= pg_snapshot_xmax(pg_current_snapshot()), false) as is_restored,
      row_number() over (
        partition by slots.pool order by line.priority desc, head.run_at nulls first, head.xid, head.seq
      ) as place
    from duckdive.lane as line
    cross join lateral (
      select case when p_queues ? line.queue then line.queue else '*' end as pool
    ) as slots
    cross join lateral (
      select * from duckdive.lane_state as own where own.lane = line.id order by own.n desc limit 1
    ) as state
    left join lateral (
      select run.xid, run.seq, run.run_at from duckdive.runs as run
      where run.lane = line.id and (run.xid, run.seq) > (state.cx, state.cs)
      order by run.xid, run.seq limit 1
    ) as head on true
    where (p_queues ->> slots.pool)::integer > 0
      and not exists (select from duckdive.pause where kind = 'queue' and name = line.queue)
      and (line.route = '' or exists (
        select from jsonb_to_recordset(p_abilities) as ability (job text, version integer)
        where ability.job = line.route_job and ability.version >= line.route_version
      ))
      and (
        p_all
        or head.xid is not null
        or state.cx > pg_snapshot_xmax(pg_current_snapshot())
        or exists (select from unnest(state.pend) as p (x) where pg_visible_in_snapshot(p.x, pg_current_snapshot()))
      )
  ) as found
  where p_all or found.place <= greatest((p_queues ->> found.pool)::integer, 8)
  order by found.priority desc, found.run_at nulls first, found.xid, found.seq;
end $$;

-- Takes runs for a worker, at most as many as each of its pools (a queue, or '*' for the others) has free slots, and
-- writes one row for all of them under p_claim, a random id that the worker made. Answers how many; who and what they
-- are is asked for by \`claimed\`: a worker that stops while it reads an answer must hold no lane. -1: no such worker. -2:
-- others took all that it looked at, and there may be more.
--
-- Not synced: whatever is committed upon this claim is behind it in the log. A claim that is lost in a crash is a run
-- that is handed out again, and its settlement is refused for the want of the claim.
create function duckdive.claim(p_worker text, p_claim uuid, p_queues jsonb, p_abilities jsonb, p_now bigint)
returns integer
language plpgsql volatile as $$
declare
  lock_class constant integer := 'duckdive.lane'::regclass::oid::integer;
  free jsonb := p_queues;
  began timestamptz := clock_timestamp();
  lanes integer[];
  pools text[];
  priorities smallint[];
  restored boolean[];
  is_jump boolean := false;
  locked smallint;
  amount integer;
  took record;
  all_ids uuid[] := '{}';
  all_seqs bigint[] := '{}';
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'duckdive claims in READ COMMITTED only, and this connection has %',
      current_setting('transaction_isolation');
  end if;
  -- Whoever rescues this worker waits for the claim, or the claim sees that the worker is out.
  perform pg_advisory_xact_lock_shared('duckdive.worker'::regclass::oid::integer, hashtext(p_worker));
  if not exists (select from duckdive.worker where id = p_worker) then return -1; end if;
  select array_agg(lane), array_agg(pool), array_agg(priority), array_agg(is_restored)
  into lanes, pools, priorities, restored
  from duckdive.lanes_with_work(p_queues, p_abilities, false);
  if lanes is null then
    -- Looking took long for nothing: what is dead in front of the cursors is walked once more, and then left behind.
    is_jump := clock_timestamp() - began > interval '5 milliseconds';
    if not is_jump then return 0; end if;
    select array_agg(lane), array_agg(pool), array_agg(priority), array_agg(is_restored)
    into lanes, pools, priorities, restored
    from duckdive.lanes_with_work(p_queues, p_abilities, true);
    if lanes is null then return 0; end if;
  end if;
  perform set_config('synchronous_commit', 'off', true);
  for i in 1 .. cardinality(lanes) loop
    amount := (free ->> pools[i])::integer;
    continue when amount < 1;
    if locked is distinct from priorities[i] then
      locked := priorities[i];
      -- Everybody locks the lanes of a priority in the order of their numbers.
      perform pg_advisory_xact_lock(lock_class, one.lane)
      from (
        select l.lane from unnest(lanes, priorities) as l (lane, priority) where l.priority = locked order by l.lane
      ) as one;
    end if;
    if restored[i] and duckdive.is_foreign(lanes[i]) then perform duckdive.renumber(lanes[i]); end if;
    took := duckdive.take(lanes[i], amount, is_jump);
    if took.ids is not null then
      all_ids := all_ids || took.ids;
      all_seqs := all_seqs || took.seqs;
      free := jsonb_set(free, array[pools[i]], to_jsonb(amount - cardinality(took.ids)));
    end if;
  end loop;
  if cardinality(all_ids) > 0 then
    insert into duckdive.claims (id, worker, at, runs, seqs)
    values (p_claim, p_worker, duckdive.now_or(p_now), all_ids, all_seqs);
  elsif not is_jump and exists (
    select from unnest(pools) as looked (pool) group by pool having count(*) >= (p_queues ->> pool)::integer
  ) then
    return -2;
  end if;
  return cardinality(all_ids);
end $$;

-- What a claim holds, without what was cancelled or replaced since.
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  held duckdive.claims;
  paused text[];
begin
  select * into held from duckdive.claims as claim where claim.id = p_claim;
  paused := array(select name from duckdive.pause where kind = 'job');
  return query
  with part as materialized (
    select part.id, part.seq from unnest(held.runs, held.seqs) as part (id, seq)
  )
  select run.id, run.seq, run.job, run.version, run.queue, run.priority,
    case when run.body & 1 = 1 then (select body.input from duckdive.body where body.run = run.id) else run.input::text end,
    run.attempt + 1, run.crashes, run.requested_at, run.run_at,
    held.at,
    case when run.started_at is null then run.start_by end, run.finish_by,
    run.tags::text, run.meta::text, run.job = any(paused)
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
end $$;
`,
  },
  {
    number: 3,
    name: "intake",
    sql: `-- Intake: how runs get in. One function for duckdive's own connections and for transactions of the application, which
-- takes no lock that a worker could wait for: no lane, no lock of any kind but those of its own new rows.

-- Records runs; answers those ids that were there already, live or finished.
--
-- Most runs of a batch are alike but for their id and input, so what they share comes once, as a shape, and each run
-- names its shape by number. p_known are those whose id may have been sent before: only they are looked for among what
-- has ended. p_is_long says that some input is too long to stand in its run.
--
-- The lane is looked up and not made: making one takes a lock. Whoever calls makes it before, over a connection of his
-- own; where it is not seen all the same, the run is recorded as scheduled for now, and the next promotion makes the lane.
--
-- With p_nonce, the word of the database that is meant, nothing is recorded in another one, and the answer is null.
create function duckdive.insert_runs(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text
) returns setof uuid
language plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  at constant bigint := duckdive.moment(p_now);
  added uuid[];
  finished uuid[] := '{}';
begin
  if p_nonce <> (select nonce from duckdive.meta) then return query select null::uuid; return; end if;
  with shape as materialized (
    select one.*, lane.id as lane, own.run_at, own.state, duckdive.due_of(
        own.state, own.run_at, at + one.start_within, null, at + one.finish_within, at
      ) as due
    from rows from (
      json_to_recordset(p_shapes) as (
        job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
        start_within bigint, finish_within bigint, tags json, meta json, release text
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release, number
    )
    left join duckdive.lane
      on lane.queue = one.queue and lane.priority = one.priority and lane.route = '' and not lane.front
    cross join lateral (
      select case when one.due_at is not null then one.due_at when one.due_after is not null then at + one.due_after else at end
        as run_at
    ) as start
    cross join lateral (
      select start.run_at, case when one.waiting is not null then 'waiting'
        when start.run_at > at or lane.id is null then 'scheduled' else 'ready' end as state
    ) as own
  ), recorded as (
    insert into duckdive.runs (
      id, lane, state, wait_reason, job, version, queue, priority, requested_at, run_at,
      start_within, finish_within, start_by, finish_by, due, body, input, tags, meta, release
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, queue, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release
    from unnest(p_ids, p_inputs, p_numbers) as asked (id, input, number)
    join shape on shape.number = asked.number
    on conflict (id) do nothing
    returning id
  )
  select array_agg(id) into added from recorded;
  added := coalesce(added, '{}');
  if cardinality(p_known) > 0 then
    -- A snapshot that is older than a run's end shows it beside the new one, and not what it became.
    if current_setting('transaction_isolation') <> 'read committed' and exists (
      select from duckdive.runs where id = any(p_known) group by id having count(*) > 1
    ) then
      raise exception 'a run that is enqueued again has ended since this transaction began' using errcode = '40001';
    end if;
    -- In a statement of its own: what was live when the insert looked may have finished since, and is seen here.
    finished := duckdive.finished_among(p_known, at);
    if cardinality(finished) > 0 then delete from duckdive.runs where id = any(finished) and id = any(added); end if;
  end if;
  if p_is_long then
    insert into duckdive.body (run, input)
    select asked.id, asked.input from unnest(p_ids, p_inputs) as asked (id, input)
    where duckdive.is_long(asked.input) and asked.id = any(added) and asked.id <> all(finished)
    on conflict (run) do nothing;
  end if;
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  if cardinality(added) = cardinality(p_ids) and cardinality(finished) = 0 then return; end if;
  return query
  select id from unnest(p_ids) as id where id <> all(added)
  union all select unnest(finished);
end $$;

-- Texts up to this length stand in the run itself; longer ones beside it, since a run moves once to history.
create function duckdive.is_long(p_text text) returns boolean
language sql immutable as $$ select octet_length(p_text) > 2000 $$;

-- Which of these runs have ended. A UUIDv7 says when it was made, and nothing ends before that: with a day for clocks that
-- differ, few partitions are looked at. Ids of other kinds are looked for everywhere.
create function duckdive.finished_among(p_ids uuid[], p_now bigint) returns uuid[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  earliest constant bigint := (select min(duckdive.time_in(id)) from unnest(p_ids) as id) - 86400000;
begin
  return array(
    select history.id from duckdive.history where history.id = any(p_ids) and finished_at >= earliest
  );
end $$;

-- The milliseconds in a UUIDv7; 0 for an id of another kind.
create function duckdive.time_in(p_id uuid) returns bigint
language sql immutable as $$
  select case when get_byte(uuid_send(p_id), 6) >> 4 = 7
    then ('x' || lpad(substr(replace(p_id::text, '-', ''), 1, 12), 16, '0'))::bit(64)::bigint
    else 0 end
$$;

-- Ends the waiting of runs that were recorded without their definition: ready, scheduled, or failed.
create function duckdive.prepare_runs(p_items json, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  run duckdive.runs;
begin
  for item in
    select * from json_to_recordset(p_items) as item (
      id uuid, invalid json, keep bigint, job text, version integer, queue text, priority smallint, input text,
      start_within bigint, finish_within bigint, tags json, meta json, release text
    )
    order by id
  loop
    select * into run from duckdive.runs
    where id = item.id and state = 'waiting' and wait_reason = 'preparation' for update;
    continue when not found;
    if item.invalid is not null then
      perform duckdive.append_event(run.id, 'failed', item.invalid, run.attempt, run.seq, null, at);
      perform duckdive.end_run(run.id, 'failed', 'invalid-input', null, item.invalid::text, item.keep, 0, 0, null, null, at);
      return next run.id;
      continue;
    end if;
    perform duckdive.append_event(run.id, 'prepared', null, run.attempt, run.seq, null, at);
    if duckdive.is_long(item.input) then
      insert into duckdive.body (run, input) values (run.id, item.input)
      on conflict (run) do update set input = excluded.input;
    end if;
    update duckdive.runs set
      job = item.job, version = item.version, queue = item.queue, priority = item.priority,
      body = case when duckdive.is_long(item.input) then 1 else 0 end,
      input = case when not duckdive.is_long(item.input) then item.input::json end,
      start_within = item.start_within, finish_within = item.finish_within,
      start_by = requested_at + item.start_within, finish_by = requested_at + item.finish_within,
      tags = coalesce(item.tags, tags), meta = coalesce(item.meta, meta), release = coalesce(item.release, release)
    where id = run.id;
    perform duckdive.rest_run(
      run.id, case when run.run_at > at then 'scheduled' else 'ready' end, run.run_at, '', null, null, null, 0, 0, null, false, at
    );
  end loop;
end $$;
`,
  },
  {
    number: 4,
    name: "settle",
    sql: `-- Settlement: how executions end. The fence is the claim and the run's seq together: a claim that was lost in a crash is
-- gone, and a run that was given back has another seq.

create function duckdive.append_event(
  p_run uuid, p_kind text, p_detail json, p_attempt integer, p_token bigint, p_worker text, p_now bigint
) returns void
language plpgsql volatile as $$
begin
  insert into duckdive.event (run, at, kind, attempt, token, worker, detail)
  values (p_run, p_now, p_kind, p_attempt, p_token, p_worker, p_detail);
end $$;

-- The class of history for runs that are kept so long; the table keep_class says the same.
create function duckdive.class_of(p_keep bigint) returns smallint
language sql immutable as $$
  select (case
    when p_keep < 86400000 then 0
    when p_keep <= 8 * 86400000::bigint then 1
    when p_keep <= 31 * 86400000::bigint then 2
    when p_keep <= 92 * 86400000::bigint then 3
    when p_keep <= 400 * 86400000::bigint then 4
    else 5 end)::smallint
$$;

-- Moves a run to history. The caller has made sure, under the run's row lock, that it is where he believes.
-- p_attempts and p_crashes are added; without p_keep it is kept for 90 days. Only what was said last stays as its error.
create function duckdive.end_run(
  p_id uuid, p_state text, p_reason text, p_output text, p_error text, p_keep bigint, p_attempts integer,
  p_crashes integer, p_started_at bigint, p_worker text, p_now bigint
) returns void
language plpgsql volatile as $$
declare
  live duckdive.runs;
  keep constant bigint := coalesce(p_keep, 7776000000);
begin
  delete from duckdive.runs where id = p_id returning * into live;
  if duckdive.is_long(p_output) or duckdive.is_long(p_error) then
    insert into duckdive.body (run, output, error)
    values (
      p_id, case when duckdive.is_long(p_output) then p_output end, case when duckdive.is_long(p_error) then p_error end
    )
    on conflict (run) do update set output = excluded.output, error = excluded.error;
  end if;
  insert into duckdive.history (
    id, keep_class, finished_at, expires_at, state, reason, token, worker, job, version, queue, priority, attempt, crashes,
    requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
    tags, meta, release
  ) values (
    p_id, duckdive.class_of(keep), p_now, p_now + keep, p_state, p_reason, live.seq, p_worker, live.job, live.version,
    live.queue, live.priority, live.attempt + p_attempts, live.crashes + p_crashes, live.requested_at, live.run_at,
    coalesce(p_started_at, live.started_at), live.start_within, live.finish_within, live.start_by, live.finish_by,
    (live.body & 1) | case when duckdive.is_long(p_output) then 2 else 0 end
      | case when duckdive.is_long(p_error) then 4 else 0 end,
    live.input, case when not duckdive.is_long(p_output) then p_output::json end,
    case when not duckdive.is_long(p_error) then p_error::json end, live.tags, live.meta, live.release
  );
end $$;

-- Puts a run to rest: ready in a lane, or out of all lanes. Its seq is new, so whoever had it is fenced out.
create function duckdive.rest_run(
  p_id uuid, p_state text, p_run_at bigint, p_route text, p_wait_reason text, p_wait_on text, p_error text,
  p_attempts integer, p_crashes integer, p_started_at bigint, p_front boolean, p_now bigint
) returns void
language plpgsql volatile as $$
declare
  place record;
begin
  if duckdive.is_long(p_error) then
    insert into duckdive.body (run, error) values (p_id, p_error)
    on conflict (run) do update set error = excluded.error;
  end if;
  select queue, priority into place from duckdive.runs where id = p_id;
  update duckdive.runs set
    state = p_state,
    lane = case when p_state = 'ready' then duckdive.lane_for(place.queue, place.priority, p_route, p_front) end,
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'), run_at = p_run_at, route = p_route,
    wait_reason = p_wait_reason, wait_on = p_wait_on, attempt = attempt + p_attempts, crashes = crashes + p_crashes,
    started_at = coalesce(p_started_at, started_at),
    due = duckdive.due_of(p_state, p_run_at, start_by, coalesce(p_started_at, started_at), finish_by, p_now),
    body = case when p_error is null then body when duckdive.is_long(p_error) then body | 4 else body & 3 end,
    error = case when p_error is null then error when not duckdive.is_long(p_error) then p_error::json end
  where id = p_id;
end $$;

-- Ends executions that succeeded and say nothing else, most of them, in one statement. p_done are claims that are done
-- with by this. Answers the runs that were taken; null: all of them. No join with \`runs\`: whatever the statistics say,
-- each list is looked up in the primary key.
create function duckdive.settle_plain(
  p_runs uuid[], p_tokens bigint[], p_claims uuid[], p_outputs text[], p_keeps bigint[], p_done uuid[], p_now bigint
) returns uuid[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  taken uuid[];
begin
  with held as materialized (
    select asked.run, asked.token, asked.output, asked.keep, claim.worker, claim.at as claimed_at
    from unnest(p_runs, p_tokens, p_claims, p_outputs, p_keeps) as asked (run, token, claim, output, keep)
    join duckdive.claims as claim on claim.id = asked.claim
    where claim.id = any(p_claims)
  ), gone as (
    -- Found by the list of ids, whatever the statistics say, and then held against the pairs: two lists alone would let
    -- one settlement's run pass with the token of another, and searching the second costs its length for each run.
    delete from duckdive.runs as run using held
    where run.id = any(p_runs) and run.id = held.run and run.seq = held.token
    returning run.*
  ), ended as (
    insert into duckdive.history (
      id, keep_class, finished_at, expires_at, state, token, worker, job, version, queue, priority, attempt, crashes,
      requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output,
      tags, meta, release
    )
    select gone.id, duckdive.class_of(held.keep), at, at + held.keep, 'succeeded', gone.seq, held.worker, gone.job,
      gone.version, gone.queue, gone.priority, gone.attempt + 1, gone.crashes, gone.requested_at, gone.run_at,
      held.claimed_at, gone.start_within, gone.finish_within, gone.start_by, gone.finish_by,
      gone.body & 1, gone.input, held.output::json, gone.tags, gone.meta, gone.release
    from gone join held on held.run = gone.id and held.token = gone.seq
    returning id
  )
  select array_agg(id) into taken from ended;
  delete from duckdive.claims where id = any(p_done);
  if cardinality(taken) = cardinality(p_runs) then return null; end if;
  return coalesce(taken, '{}');
end $$;

-- Ends executions in every way. Answers for each the state its run is in by that; null: refused.
--
-- Whoever parks a run shares a lock with all who do, and excludes registrations and the ends of pauses: otherwise each
-- might miss what the other has not committed yet, and the run would sleep for ever.
create function duckdive.settle(p_items json, p_done uuid[], p_now bigint) returns text[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  answers text[] := array_fill(null::text, array[json_array_length(p_items)]);
  item record;
begin
  if exists (select from json_array_elements(p_items) as i where i -> 'waiting' is not null) then
    perform pg_advisory_xact_lock_shared('duckdive.runs'::regclass::oid::integer, 0);
  end if;
  -- In the order of ids, since that is how row locks are taken everywhere; of two of one run the first asked counts.
  for item in
    select i.value, i.number from json_array_elements(p_items) with ordinality as i (value, number)
    order by i.value ->> 'run', i.number
  loop
    answers[item.number] := duckdive.settle_one(item.value, at);
  end loop;
  delete from duckdive.claims where id = any(p_done);
  return answers;
end $$;

create function duckdive.settle_one(p_item json, p_at bigint) returns text
language plpgsql volatile as $$
declare
  run record;
  one record;
  counted constant integer := case when (p_item ->> 'giveBack')::boolean then 0 else 1 end;
  event json;
  rest record;
begin
  select * into one from json_to_record(p_item) as asked (
    run uuid, token bigint, claim uuid, state text, reason text, output text, error json, keep bigint
  );
  select live.*, claim.worker, claim.at as claimed_at into run
  from duckdive.runs as live, duckdive.claims as claim
  where live.id = one.run and live.seq = one.token and claim.id = one.claim
  for update of live;
  if not found then return null; end if;
  for event in select * from json_array_elements(p_item -> 'events') loop
    perform duckdive.append_event(
      run.id, event ->> 'kind', event -> 'detail', run.attempt + 1, run.seq, run.worker, p_at
    );
  end loop;
  if one.state in ('succeeded', 'failed', 'cancelled') then
    perform duckdive.end_run(
      run.id, one.state, one.reason, one.output, one.error::text, one.keep, counted, 0, run.claimed_at, run.worker, p_at
    );
    return one.state;
  end if;
  if run.cancel_asked is not null then
    perform duckdive.append_event(
      run.id, 'cancelled', json_build_object('reason', run.cancel_asked), run.attempt + 1, run.seq, run.worker, p_at
    );
    perform duckdive.end_run(
      run.id, 'cancelled', run.cancel_asked, null, one.error::text, one.keep, counted, 0, run.claimed_at, run.worker, p_at
    );
    return 'cancelled';
  end if;
  rest := duckdive.rest_of(p_item, run.job, run.run_at, run.route, p_at);
  if rest.route <> run.route then
    perform duckdive.append_event(
      run.id, 'unparked', json_build_object('reason', 'worker', 'on', rest.route), run.attempt + 1, run.seq, run.worker, p_at
    );
  end if;
  perform duckdive.rest_run(
    run.id, rest.state, rest.run_at, rest.route, rest.wait_reason, rest.wait_on, one.error::text, counted, 0,
    -- Claimed only to be parked: that was no start.
    case when (p_item -> 'waiting' ->> 'reason') in ('worker', 'paused') then null else run.claimed_at end,
    rest.run_at < p_at, p_at
  );
  return rest.state;
end $$;

-- Where a run rests, having looked whether what it would rest for has come already.
create function duckdive.rest_of(
  p_item json, p_job text, p_run_at bigint, p_route text, p_at bigint,
  out state text, out run_at bigint, out route text, out wait_reason text, out wait_on text
)
language plpgsql stable as $$
declare
  due constant bigint := coalesce(
    (p_item -> 'due' ->> 'at')::bigint, p_at + (p_item -> 'due' ->> 'after')::bigint, p_run_at
  );
begin
  state := 'ready';
  run_at := p_run_at;
  route := p_route;
  if p_item ->> 'state' = 'scheduled' then
    run_at := due;
    if due > p_at then state := 'scheduled'; end if;
    return;
  end if;
  if p_item ->> 'state' = 'ready' or p_item -> 'waiting' is null then return; end if;
  wait_reason := p_item -> 'waiting' ->> 'reason';
  wait_on := p_item -> 'waiting' ->> 'on';
  if wait_reason = 'worker' then
    if duckdive.is_able(wait_on) then
      route := wait_on;
      wait_reason := null;
      wait_on := null;
      return;
    end if;
    route := '';
  elsif wait_reason = 'paused' then
    wait_on := p_job;
    if not exists (select from duckdive.pause where kind = 'job' and name = p_job) then
      wait_reason := null;
      wait_on := null;
      return;
    end if;
  elsif wait_reason = 'entries' then
    run_at := due;
  end if;
  state := 'waiting';
end $$;

-- Whether a registered worker may take what is routed to \`job@version\`.
create function duckdive.is_able(p_route text) returns boolean
language sql stable as $$
  select exists (
    select from duckdive.ability
    where job = regexp_replace(p_route, '@[0-9]+$', '') and version >= substring(p_route from '@([0-9]+)$')::integer
  )
$$;

-- Writes log lines and progress; those of an execution that lost its claim are dropped.
create function duckdive.write_notes(p_items json, p_now bigint) returns void
language plpgsql volatile as $$
declare
  moment constant bigint := duckdive.now_or(p_now);
begin
  insert into duckdive.log (run, at, attempt, level, message, fields)
  select live.id, moment, live.attempt + 1, note.level, note.message, note.fields
  from rows from (
    json_to_recordset(p_items) as (run uuid, token bigint, level text, message text, fields json)
  ) with ordinality as note (run, token, level, message, fields, number)
  join duckdive.held on held.id = note.run and held.seq = note.token
  join duckdive.runs as live on live.id = note.run and live.seq = note.token
  where note.level is not null
  order by note.number;
  insert into duckdive.progress (run, at, done, total, note)
  select distinct on (note.run) note.run, moment, note.done, note.total, note.note
  from rows from (
    json_to_recordset(p_items) as (run uuid, token bigint, done double precision, total double precision, note text)
  ) with ordinality as note (run, token, done, total, note, number)
  join duckdive.held on held.id = note.run and held.seq = note.token
  where note.done is not null
  order by note.run, note.number desc
  on conflict (run) do update set at = excluded.at, done = excluded.done, total = excluded.total, note = excluded.note;
end $$;
`,
  },
  {
    number: 5,
    name: "hand",
    sql: `-- The hand: what people and applications do to runs that are not executing for them.
--
-- A ready run is changed under the lock of its lane, and looked at again after that: then no claim can be under way that
-- has it. Lanes are locked before runs, in the order of their numbers, as everywhere.

create function duckdive.lock_lanes_of(p_ids uuid[]) returns integer[]
language plpgsql volatile as $$
declare
  lanes constant integer[] := array(
    select lane.id from duckdive.lane
    where lane.id in (select run.lane from duckdive.runs as run where run.id = any(p_ids))
    order by lane.priority desc, lane.id
  );
begin
  perform pg_advisory_xact_lock('duckdive.lane'::regclass::oid::integer, lane) from unnest(lanes) as lane;
  return lanes;
end $$;

-- Every run that a claim holds under its present seq, with who has it since when: the runs that are running. With the
-- offset each is looked up by its id, whatever the statistics say of \`runs\`.
create view duckdive.held as
select part.run as id, part.seq, claim.id as claim, claim.worker, claim.at
from duckdive.claims as claim
cross join lateral unnest(claim.runs, claim.seqs) as part (run, seq)
cross join lateral (select from duckdive.runs where runs.id = part.run and runs.seq = part.seq offset 0) as run;

-- Ends runs that are not running, asks for the end of those that are. Answers for each: 'ended', 'asked', or null.
create function duckdive.cancel(p_ids uuid[], p_reason text, p_now bigint) returns text[]
language plpgsql volatile as $$
declare
  lanes integer[];
  at constant bigint := duckdive.now_or(p_now);
  answers text[] := array_fill(null::text, array[cardinality(p_ids)]);
  held_runs uuid[];
  held_workers text[];
  place integer;
  item record;
  run duckdive.runs;
begin
  lanes := duckdive.lock_lanes_of(p_ids);
  -- The rows before who has them: a settlement under way is waited for, and what it made of its run counts.
  perform from duckdive.runs where id = any(p_ids) order by id for update;
  if exists (select from duckdive.runs where id = any(p_ids) and lane is not null and lane <> all(lanes)) then
    raise exception 'a run came into another lane before it was locked' using errcode = '40001';
  end if;
  select array_agg(id), array_agg(worker) into held_runs, held_workers
  from duckdive.held where id = any(p_ids);
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    select * into run from duckdive.runs as live where live.id = item.id and live.cancel_asked is null for update;
    continue when not found;
    place := array_position(held_runs, run.id);
    if place is not null then
      perform duckdive.append_event(
        run.id, 'cancelAsked', json_build_object('reason', p_reason), run.attempt + 1, run.seq, held_workers[place], at
      );
      update duckdive.runs set cancel_asked = p_reason where id = run.id;
      answers[item.number] := 'asked';
      continue;
    end if;
    perform duckdive.append_event(
      run.id, 'cancelled', json_build_object('reason', p_reason), run.attempt, run.seq, null, at
    );
    perform duckdive.end_run(run.id, 'cancelled', p_reason, null, null, null, 0, 0, null, null, at);
    answers[item.number] := 'ended';
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  return answers;
end $$;

-- Makes failed and cancelled runs ready again, as if they had been asked for now. Answers for each whether it did.
create function duckdive.retry(p_ids uuid[], p_now bigint) returns boolean[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  answers boolean[] := array_fill(false, array[cardinality(p_ids)]);
  item record;
  run duckdive.history;
begin
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.history where id = item.id and state in ('failed', 'cancelled') returning * into run;
    continue when not found;
    perform duckdive.append_event(run.id, 'retried', null, run.attempt, run.token, null, at);
    insert into duckdive.runs (
      id, lane, state, job, version, queue, priority, requested_at, run_at, start_within, finish_within,
      start_by, finish_by, due, body, input, tags, meta, release
    ) values (
      run.id, duckdive.lane_for(run.queue, run.priority, '', false), 'ready', run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release
    );
    answers[item.number] := true;
  end loop;
  return answers;
end $$;

-- Removes what belongs to runs that are gone.
create function duckdive.forget(p_ids uuid[]) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from duckdive.body where run = any(p_ids);
  delete from duckdive.event where run = any(p_ids);
  delete from duckdive.log where run = any(p_ids);
  delete from duckdive.progress where run = any(p_ids);
  delete from duckdive.entry where run = any(p_ids);
end $$;

-- Removes runs that are not running. Answers for each: 'live', 'ended', or null.
create function duckdive.remove(p_ids uuid[]) returns text[]
language plpgsql volatile as $$
declare
  lanes integer[];
  answers text[] := array_fill(null::text, array[cardinality(p_ids)]);
  running uuid[];
  item record;
begin
  lanes := duckdive.lock_lanes_of(p_ids);
  running := array(select id from duckdive.held where id = any(p_ids));
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.runs as run
    where run.id = item.id and run.id <> all(running);
    if found then
      answers[item.number] := 'live';
    else
      delete from duckdive.history where id = item.id;
      if found then answers[item.number] := 'ended'; end if;
    end if;
    if answers[item.number] is not null then perform duckdive.forget(array[item.id]); end if;
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  return answers;
end $$;

-- Makes ready whatever waits for this reason on this name, the longest due first. What waited for a worker keeps that as
-- its route, so that an older worker does not take it once more. The caller excludes whoever parks.
create function duckdive.unpark(p_reason text, p_on text, p_now bigint) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = off set enable_mergejoin = off as $$
declare
  unparked integer;
begin
  with waiting as materialized (
    select id, nextval('duckdive.seq') as seq
    from (
      select id from duckdive.runs
      where state = 'waiting' and wait_reason = p_reason and wait_on = p_on order by run_at, id for update
    ) as run
  ), kinds as materialized (
    select queue, priority, route, duckdive.lane_for(queue, priority, route, true) as lane
    from (
      select distinct queue, priority, case when p_reason = 'worker' then p_on else route end as route
      from duckdive.runs where state = 'waiting' and wait_reason = p_reason and wait_on = p_on
    ) as kind
  ), told as (
    insert into duckdive.event (run, at, kind, attempt, token, detail)
    select run.id, p_now, 'unparked', run.attempt, run.seq, json_build_object('reason', p_reason, 'on', p_on)
    from duckdive.runs as run join waiting on waiting.id = run.id
  )
  update duckdive.runs as run set
    state = 'ready', lane = kinds.lane, route = kinds.route, xid = pg_current_xact_id(), seq = waiting.seq,
    wait_reason = null, wait_on = null, due = case when run.due is not null then greatest(run.due, p_now) end
  from waiting, kinds
  where run.id = waiting.id and kinds.queue = run.queue and kinds.priority = run.priority
    and kinds.route = case when p_reason = 'worker' then p_on else run.route end;
  get diagnostics unparked = row_count;
  return unparked;
end $$;

-- Ends a pause, and wakes what waited for that.
create function duckdive.resume(p_kind text, p_name text, p_now bigint) returns void
language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock('duckdive.runs'::regclass::oid::integer, 0);
  delete from duckdive.pause where kind = p_kind and name = p_name;
  if p_kind = 'job' then perform duckdive.unpark('paused', p_name, duckdive.moment(p_now)); end if;
end $$;

-- Enters a worker and what it has, and wakes what waited for that. Answers the advisory lock by which it shows that its
-- connection lives.
create function duckdive.register(p_worker json, p_now bigint) returns bigint
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  one record;
  waits text;
begin
  perform pg_advisory_xact_lock('duckdive.runs'::regclass::oid::integer, 0);
  select * into one from json_to_record(p_worker) as asked (
    id text, host text, pid integer, process_start text, release text, queues json, abilities json
  );
  insert into duckdive.worker (id, host, pid, process_start, release, queues, started_at, heartbeat_at)
  values (one.id, one.host, one.pid, one.process_start, one.release, one.queues, at, at)
  on conflict (id) do update set
    host = excluded.host, pid = excluded.pid, process_start = excluded.process_start, release = excluded.release,
    queues = excluded.queues, started_at = excluded.started_at, heartbeat_at = excluded.heartbeat_at,
    beats = worker.beats + 1;
  delete from duckdive.ability where worker = one.id;
  insert into duckdive.ability (job, worker, version)
  select job, one.id, max(version) from json_to_recordset(one.abilities) as a (job text, version integer) group by job;
  for waits in
    select distinct wait_on from duckdive.runs where state = 'waiting' and wait_reason = 'worker'
  loop
    if exists (
      select from duckdive.ability
      where worker = one.id and job = regexp_replace(waits, '@[0-9]+$', '')
        and version >= substring(waits from '@([0-9]+)$')::integer
    ) then
      perform duckdive.unpark('worker', waits, at);
    end if;
  end loop;
  return hashtextextended('duckdive.worker ' || one.id, 0);
end $$;
`,
  },
  {
    number: 6,
    name: "upkeep",
    sql: `-- Upkeep: what has to happen to runs although nobody asks for it.

-- How far runs_due has been looked at. Not at all where that cannot be relied on: the clock was set back, or there are
-- transactions of another cluster, which is a restored dump; and with p_walk every ten minutes, for what nobody thought of.
create function duckdive.due_floor(p_now bigint, p_walk boolean) returns duckdive.due_state
language plpgsql stable as $$
declare
  floor duckdive.due_state;
begin
  select * into floor from duckdive.due_state order by n desc limit 1;
  if not found then
    floor := (-1, -1, '00000000-0000-0000-0000-000000000000', '{}', p_now);
  elsif p_now < floor.due or p_now < floor.walked_at or (p_walk and p_now - floor.walked_at > 600000)
    or exists (select from unnest(floor.pend) as p (x) where x >= pg_snapshot_xmax(pg_current_snapshot())) then
    floor.due := -1;
    floor.walked_at := p_now;
  end if;
  return floor;
end $$;

-- When somebody has to look next: the start of a scheduled run or the end of a run's patience, which may be over.
create function duckdive.next_due(p_now bigint) returns bigint
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  floor constant duckdive.due_state := duckdive.due_floor(duckdive.now_or(p_now), false);
begin
  return least(
    (
      select min(run.due) from unnest(floor.pend) as p (x) cross join lateral (
        select due from duckdive.runs
        where due is not null and xid = p.x and (due, id) <= (floor.due, floor.id) limit 1
      ) as run
      where pg_visible_in_snapshot(p.x, pg_current_snapshot())
    ),
    (
      select due from duckdive.runs
      where due is not null and (due, id) > (floor.due, floor.id) order by due, id limit 1
    )
  );
end $$;

-- Makes ready what is due, and fails what should have started or ended by now and is not running: at most p_limit in all.
--
-- One at a time does this. It reads on from where the last one stopped, and remembers the transactions under way as it
-- passes them, as a claim does: all with a lower number than its own that its snapshot does not see. Those with a higher
-- one read the clock later than this did (see \`moment\`), and the present millisecond is not passed. Rows that others have
-- locked are not waited for: their transactions are remembered.
create function duckdive.promote(p_limit integer, p_now bigint, out moved integer, out ended uuid[])
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  own constant xid8 := pg_current_xact_id();
  floor duckdive.due_state;
  reached record;
  lanes integer[];
  locked uuid[];
  running uuid[] := '{}';
begin
  perform pg_advisory_xact_lock('duckdive.due_state'::regclass::oid::integer, 0);
  floor := duckdive.due_floor(at, true);
  reached := duckdive.reach(floor, p_limit, at);
  moved := 0;
  ended := '{}';
  -- Many workers wake for the same start, and the first has done it.
  if floor.due >= 0 and cardinality(reached.ids) = 0 then return; end if;
  lanes := duckdive.lock_lanes_of(reached.ids);
  locked := array(select id from duckdive.runs where id = any(reached.ids) order by id for update skip locked);
  if exists (select from duckdive.runs where id = any(locked) and state = 'ready') then
    running := array(select id from duckdive.held where id = any(locked));
    -- Their worker keeps the time; when they are given back they become due again.
    update duckdive.runs set due = null where id = any(running);
  end if;
  ended := duckdive.expire(array(select id from unnest(locked) as id where id <> all(running)), at);
  moved := duckdive.start_due(locked, at) + cardinality(ended);
  -- After the others have started: the cursor of a lane may pass this transaction's own number, and must see what has it.
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  perform duckdive.keep_floor(floor, reached.due, reached.id, array(
    select pg_snapshot_xip(reached.snapshot)
    -- The highest number in a snapshot is of what has ended: there are higher ones that have not.
    union select x::text::xid8
      from generate_series(pg_snapshot_xmax(reached.snapshot)::text::bigint, own::text::bigint - 1) as above (x)
    union select xid from duckdive.runs where id = any(reached.ids) and id <> all(locked) and due <= at
    union select unnest(reached.unread)
  ));
end $$;

create function duckdive.keep_floor(p_floor duckdive.due_state, p_due bigint, p_id uuid, p_pend xid8[]) returns void
language plpgsql volatile as $$
begin
  update duckdive.due_state set n = n + 1, due = p_due, id = p_id, pend = p_pend, walked_at = p_floor.walked_at
  where n = p_floor.n;
  if not found then
    insert into duckdive.due_state (n, due, id, pend, walked_at) values (0, p_due, p_id, p_pend, p_floor.walked_at);
  end if;
end $$;

-- What is due after p_floor, and what came late behind it; how far that reaches, and the snapshot it was read in. \`unread\`
-- are the transactions of which more may be left than p_limit.
create function duckdive.reach(
  p_floor duckdive.due_state, p_limit integer, p_at bigint,
  out ids uuid[], out due bigint, out id uuid, out snapshot pg_snapshot, out unread xid8[]
)
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  with finished as materialized (
    select x from unnest(p_floor.pend) as p (x) where pg_visible_in_snapshot(x, pg_current_snapshot())
  ), behind as materialized (
    select run.id from finished cross join lateral (
      select runs.id from duckdive.runs
      where runs.due is not null and runs.xid = finished.x and (runs.due, runs.id) <= (p_floor.due, p_floor.id)
      limit p_limit
    ) as run
    limit p_limit
  ), ahead as materialized (
    select runs.id, runs.due from duckdive.runs
    where runs.due is not null and (runs.due, runs.id) > (p_floor.due, p_floor.id) and runs.due <= p_at
    order by runs.due, runs.id limit p_limit
  ), reached as (
    select count(*) < p_limit or coalesce(max(ahead.due) >= p_at, true) as is_all, max(ahead.due) as due,
      (array_agg(ahead.id order by ahead.due desc, ahead.id desc))[1] as id
    from ahead
  )
  select array(select behind.id from behind union all select ahead.id from ahead),
    case when is_all then p_at - 1 else reached.due end,
    case when is_all then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else reached.id end,
    pg_current_snapshot(),
    array(select x from finished where (select count(*) from behind) = p_limit)
  into ids, due, id, snapshot, unread
  from reached;
end $$;

-- Makes ready those of p_ids that are scheduled and due, in the order in which they are. They are locked.
create function duckdive.start_due(p_ids uuid[], p_at bigint) returns integer
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  starting constant uuid[] := array(
    select id from duckdive.runs where id = any(p_ids) and state = 'scheduled' and run_at <= p_at order by run_at, id
  );
  seqs bigint[];
begin
  seqs := array(select nextval('duckdive.seq') from generate_series(1, cardinality(starting)));
  perform duckdive.lane_for(kind.queue, kind.priority, kind.route, true)
  from (select distinct queue, priority, route from duckdive.runs where id = any(starting)) as kind;
  update duckdive.runs as run set
    state = 'ready', xid = pg_current_xact_id(), seq = seqs[array_position(starting, run.id)],
    due = duckdive.due_of('ready', null, start_by, started_at, finish_by, p_at),
    lane = (
      select lane.id from duckdive.lane
      where lane.queue = run.queue and lane.priority = run.priority and lane.route = run.route and lane.front
    )
  where run.id = any(starting);
  return cardinality(starting);
end $$;

-- Fails those of p_ids whose patience is over. They are locked, and nobody has them.
create function duckdive.expire(p_ids uuid[], p_at bigint) returns uuid[]
language plpgsql volatile as $$
declare
  run duckdive.runs;
  ended uuid[] := '{}';
  error json;
begin
  for run in
    select * from duckdive.runs as live
    where live.id = any(p_ids)
      and ((live.start_by <= p_at and live.started_at is null) or live.finish_by <= p_at)
    order by live.id
  loop
    error := json_build_object('name', 'ExpiredError', 'code', 'EXPIRED', 'message',
      case when run.start_by <= p_at and run.started_at is null
        then 'it had not started within its \`startWithin\`' else 'it had not ended within its \`finishWithin\`' end);
    perform duckdive.append_event(run.id, 'expired', error, run.attempt, run.seq, null, p_at);
    perform duckdive.end_run(run.id, 'failed', 'expired', null, error::text, null, 0, 0, null, null, p_at);
    ended := ended || run.id;
  end loop;
  return ended;
end $$;

-- Gives the runs of dead workers back, before those that came after them, and takes the workers out. A run whose
-- settlement is being written is skipped and its claim stays: whoever comes next sees how that ended.
create function duckdive.rescue(p_workers text[], p_now bigint)
returns table (run uuid, job text, attempt integer, worker text, state text)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  claim duckdive.claims;
  one record;
begin
  perform pg_advisory_xact_lock('duckdive.worker'::regclass::oid::integer, key)
  from (select distinct hashtext(dead) as key from unnest(p_workers) as dead order by key) as keys;
  delete from duckdive.worker as dead where dead.id = any(p_workers);
  delete from duckdive.ability as dead where dead.worker = any(p_workers);
  for claim in
    select * from duckdive.claims as own where own.worker = any(p_workers) order by own.id for update skip locked
  loop
    for one in
      select live.* from duckdive.runs as live
      where live.id = any(claim.runs) and live.seq = any(claim.seqs) order by live.id for update skip locked
    loop
      perform duckdive.append_event(one.id, 'lost', json_build_object('worker', claim.worker), one.attempt + 1, one.seq, claim.worker, at);
      if one.cancel_asked is not null then
        perform duckdive.append_event(
          one.id, 'cancelled', json_build_object('reason', one.cancel_asked), one.attempt + 1, one.seq, claim.worker, at
        );
        perform duckdive.end_run(
          one.id, 'cancelled', one.cancel_asked, null, null, null, 1, 1, claim.at, claim.worker, at
        );
        state := 'cancelled';
      else
        perform duckdive.rest_run(one.id, 'ready', one.run_at, one.route, null, null, null, 1, 1, claim.at, true, at);
        state := 'ready';
      end if;
      run := one.id;
      job := one.job;
      attempt := one.attempt + 1;
      worker := claim.worker;
      return next;
    end loop;
    if not exists (
      select from duckdive.runs as live where live.id = any(claim.runs) and live.seq = any(claim.seqs)
    ) then
      delete from duckdive.claims as own where own.id = claim.id;
    end if;
  end loop;
end $$;

-- Makes a partition of history unless it is there. Attached, not created in place: that would wait for every reader and
-- stop every settlement behind it. The caller holds the lock of history.
create function duckdive.make_partition(p_kind duckdive.keep_class, p_lower bigint) returns boolean
language plpgsql volatile as $$
declare
  name constant text := 'history_' || p_kind.name || '_' || to_char(to_timestamp(p_lower / 1000) at time zone 'UTC', 'YYYYMMDD');
  is_pending boolean;
begin
  if to_regclass('duckdive.' || name) is null then
    execute format('create table duckdive.%I (like duckdive.%I including all)', name, 'history_' || p_kind.name);
  else
    -- One that a clock which jumped ahead has taken out comes back with what it holds.
    select inhdetachpending into is_pending from pg_inherits where inhrelid = to_regclass('duckdive.' || name);
    if found and not is_pending then return false; end if;
    if found then perform duckdive.finish_detach('history_' || p_kind.name, name); end if;
  end if;
  execute format(
    'alter table duckdive.%I add constraint bounds check (keep_class = %s and finished_at >= %s and finished_at < %s)',
    name, p_kind.class, p_lower, p_lower + p_kind.width
  );
  execute format(
    'alter table duckdive.%I attach partition duckdive.%I for values from (%s) to (%s)',
    'history_' || p_kind.name, name, p_lower, p_lower + p_kind.width
  );
  execute format('alter table duckdive.%I drop constraint bounds', name);
  return true;
end $$;

-- Makes the partitions of history that are missing for the coming days.
create function duckdive.extend_history(p_now bigint) returns integer
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  kind duckdive.keep_class;
  lower bigint;
  made integer := 0;
begin
  perform set_config('lock_timeout', '5s', true);
  perform pg_advisory_xact_lock('duckdive.history'::regclass::oid::integer, 0);
  for kind in select * from duckdive.keep_class order by class loop
    for lower in
      select generate_series(at / kind.width * kind.width, (at + 7 * 86400000::bigint) / kind.width * kind.width, kind.width)
    loop
      if duckdive.make_partition(kind, lower) then made := made + 1; end if;
    end loop;
  end loop;
  return made;
end $$;

-- Removes runs that are kept for hours only and are past it, at most p_limit. Answers how many.
create function duckdive.prune(p_limit integer, p_now bigint) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  expired uuid[];
begin
  expired := array(
    select id from duckdive.history_hours where expires_at <= at order by expires_at limit p_limit for update skip locked
  );
  if cardinality(expired) = 0 then return 0; end if;
  delete from duckdive.history_hours where id = any(expired) and expires_at <= at;
  perform duckdive.forget(array(
    select id from unnest(expired) as id where not exists (select from duckdive.runs where runs.id = id)
  ));
  return cardinality(expired);
end $$;

-- Ends a detaching that was interrupted. Like every lock that stops settlements behind it, it is not waited for.
create function duckdive.finish_detach(p_parent text, p_name text) returns void
language plpgsql volatile as $$
begin
  perform set_config('lock_timeout', '100ms', true);
  execute format('alter table duckdive.%I detach partition duckdive.%I finalize', p_parent, p_name);
end $$;

-- Removes a partition that is detached.
create function duckdive.drop_partition(p_name text) returns void
language plpgsql volatile as $$
begin
  perform set_config('lock_timeout', '100ms', true);
  execute format('drop table if exists duckdive.%I', p_name);
end $$;

-- Partitions that hold nothing but what is past its keeping: 'attached' ones, and those a broken removal left 'loose' or
-- half detached ('pending').
create function duckdive.spent_partitions(p_now bigint)
returns table (parent text, name text, state text)
language sql stable as $$
  with kind as (select class, name, longest, width from duckdive.keep_class),
  part as (
    select 'history_' || kind.name as parent, own.relname::text as name, kind.longest, kind.width,
      to_date(right(own.relname, 8), 'YYYYMMDD') as starts, inherits.inhparent is not null as attached,
      coalesce(inherits.inhdetachpending, false) as pending
    from kind
    join pg_class as own on own.relname ~ ('^history_' || kind.name || '_[0-9]{8}$')
      and own.relnamespace = (select relnamespace from pg_class where oid = 'duckdive.history'::regclass)
    left join pg_inherits as inherits on inherits.inhrelid = own.oid
  )
  select parent, name, case when pending then 'pending' when attached then 'attached' else 'loose' end
  from part
  where extract(epoch from starts)::bigint * 1000 + width + longest <= duckdive.now_or(p_now)
$$;

-- Whether runs wait for their preparation, and whether somebody shall end. Indexes: runs_waiting, runs_cancel.
create function duckdive.calls(out preparation boolean, out cancellation boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  preparation := exists (select from duckdive.runs where state = 'waiting' and wait_reason = 'preparation');
  cancellation := exists (select from duckdive.runs where cancel_asked is not null);
end $$;
`,
  },
  {
    number: 7,
    name: "people",
    sql: `-- What people and other languages use: one row a run wherever it is, and a function that records runs without JavaScript.

-- Every run as one row, live or ended, with readable times.
create view duckdive.run as
select live.id, live.job, live.version, live.queue, live.priority,
  case when held.id is null then live.state else 'running' end as state, null::text as reason,
  live.wait_reason as waiting_for, live.wait_on as waiting_on,
  live.attempt + (held.id is not null)::integer as attempt, live.crashes, held.worker, live.cancel_asked,
  to_timestamp(live.requested_at / 1000.0) as requested_at, to_timestamp(live.run_at / 1000.0) as run_at,
  to_timestamp(coalesce(held.at, live.started_at) / 1000.0) as started_at, null::timestamptz as finished_at,
  case when live.body & 1 = 1 then body.input::json else live.input end as input,
  null::json as output,
  case when live.body & 4 = 4 then body.error::json else live.error end as error,
  live.tags, live.meta, live.release
from duckdive.runs as live
left join duckdive.held on held.id = live.id
left join duckdive.body on body.run = live.id and live.body <> 0
union all
select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null,
  past.attempt, past.crashes, past.worker, null,
  to_timestamp(past.requested_at / 1000.0), to_timestamp(past.run_at / 1000.0),
  to_timestamp(past.started_at / 1000.0), to_timestamp(past.finished_at / 1000.0),
  case when past.body & 1 = 1 then body.input::json else past.input end,
  case when past.body & 2 = 2 then body.output::json else past.output end,
  case when past.body & 4 = 4 then body.error::json else past.error end,
  past.tags, past.meta, past.release
from duckdive.history as past
left join duckdive.body on body.run = past.id and past.body <> 0;

-- Runs by id with all their columns, for duckdive itself; people have \`duckdive.run\`. Both tables in one statement, or a
-- run that moves from the one to the other would be nowhere.
create function duckdive.stored(p_ids uuid[])
returns table (
  id uuid, job text, version integer, queue text, priority smallint, state text, reason text, wait_reason text, wait_on text,
  cancel_asked text, route text, token bigint, attempt integer, crashes integer, worker text, requested_at bigint,
  run_at bigint, started_at bigint, finished_at bigint, start_by bigint, finish_by bigint, expires_at bigint, body smallint,
  input json, output json, error json, tags json, meta json, release text
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  -- Nothing ends before it was asked for; a day for clocks that differ.
  earliest constant bigint := (select min(duckdive.time_in(one)) from unnest(p_ids) as one) - 86400000;
begin
  return query
  with held as materialized (
    select part.run, part.seq, claim.worker, claim.at
    from duckdive.claims as claim cross join lateral unnest(claim.runs, claim.seqs) as part (run, seq)
    where part.run = any(p_ids)
  )
  select live.id, live.job, live.version, live.queue, live.priority,
    case when held.run is null then live.state else 'running' end, null::text,
    live.wait_reason, live.wait_on, live.cancel_asked, live.route, live.seq,
    live.attempt + (held.run is not null)::integer, live.crashes, held.worker, live.requested_at, live.run_at,
    coalesce(held.at, live.started_at), null::bigint, live.start_by, live.finish_by,
    null::bigint, live.body, live.input, null::json, live.error, live.tags, live.meta, live.release
  from duckdive.runs as live left join held on held.run = live.id and held.seq = live.seq
  where live.id = any(p_ids)
  union all
  select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null, null, '',
    past.token, past.attempt, past.crashes, null, past.requested_at, past.run_at, past.started_at, past.finished_at,
    past.start_by, past.finish_by, past.expires_at, past.body, past.input, past.output, past.error, past.tags, past.meta,
    past.release
  from duckdive.history as past where past.id = any(p_ids) and past.finished_at >= earliest;
end $$;

-- A UUIDv7 of this moment.
create function duckdive.new_id() returns uuid
language sql volatile as $$
  select (
    lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(random, 14, 3) || substr(random, 17)
  )::uuid
  from (select replace(gen_random_uuid()::text, '-', '') as random) as made
$$;

-- Milliseconds of a duration as duckdive writes it ('30s', '5m', or a number), or as PostgreSQL does ('2 hours').
create function duckdive.milliseconds(p_duration text) returns bigint
language sql immutable as $$
  select case
    when p_duration ~ '^[0-9]+$' then p_duration::bigint
    when p_duration ~ '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w)$' then round(
      substring(p_duration from '^[0-9.]+')::numeric * case substring(p_duration from '[a-z]+$')
        when 'ms' then 1 when 's' then 1000 when 'm' then 60000 when 'h' then 3600000
        when 'd' then 86400000 else 604800000 end
    )::bigint
    else round(extract(epoch from p_duration::interval) * 1000)::bigint end
$$;

-- Records a run of a job, in the transaction of whoever calls it, and answers its id: for triggers and other languages.
--
--   select duckdive.enqueue('welcome-email', '{"userId": 7}');
--   select duckdive.enqueue('report', '{}', '{"delay": "5m", "priority": 3, "tags": ["nightly"]}');
--
-- Options: id, delay or runAt, priority, tags, meta. Queue and priority are those that workers published of the job.
-- One with an input, which has to be checked, or of a job that no worker has published or that has limits of its own,
-- waits for its preparation by a worker that has the job. Another one is ready at once.
--
-- It runs with the rights of the schema's owner, so that a role can be let record runs and nothing else; who may call it
-- is granted, and to nobody at first.
create function duckdive.enqueue(job text, input jsonb default null, options jsonb default '{}') returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  published duckdive.definition;
  new_id uuid := coalesce((options ->> 'id')::uuid, duckdive.new_id());
  due bigint := case
    when options ? 'runAt' then floor(extract(epoch from (options ->> 'runAt')::timestamptz) * 1000)::bigint
    when options ? 'delay' then duckdive.now_or(null) + duckdive.milliseconds(options ->> 'delay') end;
begin
  perform duckdive.check_request(job, input, options);
  select * into published from duckdive.definition as one where one.job = enqueue.job;
  perform duckdive.insert_runs(
    array[new_id], array[input::text], array[1],
    json_build_array(json_build_object(
      'job', job, 'version', coalesce(published.version, 1),
      'queue', coalesce(published.queue, 'default'),
      'priority', coalesce((options ->> 'priority')::smallint, published.priority, 0),
      'due_at', due,
      'waiting', case when published.prepared is distinct from false or input is not null then 'preparation' end,
      'tags', options -> 'tags', 'meta', options -> 'meta'
    )),
    case when options ? 'id' then array[new_id] else '{}' end, coalesce(duckdive.is_long(input::text), false), null,
    'c d' || coalesce(due, duckdive.now_or(null)), null
  );
  return new_id;
end $$;

revoke execute on function duckdive.enqueue(text, jsonb, jsonb) from public;

-- Refuses a request that cannot be meant; without a definition there is nothing else to judge it by.
create function duckdive.check_request(job text, input jsonb, options jsonb) returns void
language plpgsql immutable as $$
declare
  unknown constant text := (
    select key from jsonb_object_keys(options) as key
    where key not in ('id', 'delay', 'runAt', 'priority', 'tags', 'meta') limit 1
  );
begin
  if coalesce(job, '') = '' then
    raise exception using errcode = '22023', message = 'enqueue was given no name of a job',
      hint = 'The first argument is the name that the job has in its definition.';
  elsif unknown is not null then
    raise exception using errcode = '22023', message = format('enqueue has no option "%s"', unknown),
      hint = 'The options are id, delay, runAt, priority, tags and meta; everything else belongs to the job.';
  elsif options ? 'runAt' and options ? 'delay' then
    raise exception using errcode = '22023', message = 'enqueue was given both delay and runAt',
      hint = 'Give one of them: delay counts from now, runAt is a time.';
  elsif (options ->> 'priority')::integer not between -10 and 10 then
    raise exception using errcode = '22023', message = format('enqueue was given the priority %s', options ->> 'priority'),
      hint = 'Priorities are whole numbers from -10 to 10; bigger is sooner.';
  elsif jsonb_path_exists(options, 'strict $.tags ? (@.type() != "array" || exists (@[*] ? (@.type() != "string")))', silent => true) then
    raise exception using errcode = '22023', message = 'enqueue was given tags that are no list of texts',
      hint = 'Use one such as {"tags": ["nightly"]}.';
  elsif jsonb_path_exists(options, 'strict $.meta ? (@.type() != "object" || exists (@.* ? (@.type() != "string")))', silent => true) then
    raise exception using errcode = '22023', message = 'enqueue was given meta that is no object of texts',
      hint = 'Use one such as {"meta": {"tenant": "acme"}}.';
  elsif octet_length(input::text) > 1048576 then
    raise exception using errcode = '22023',
      message = format('enqueue was given an input of %s bytes, and the limit is 1048576', octet_length(input::text)),
      hint = 'Store the data where data is stored and pass its id.';
  end if;
end $$;
`,
  },
  {
    number: 8,
    name: "transactional",
    sql: `-- Transactional work: what a handler's own transaction carries of duckdive, a remembered call or the run's end. Called
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
`,
  },
  {
    number: 9,
    name: "claims",
    sql: `-- Claims that are not what somebody believes of them: undone by a crash of the database, or taken without anybody's
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
`,
  },
  {
    number: 10,
    name: "move",
    sql: `-- Moving: how runs leave for another store, and how they come from one. What has to be true all the time is that a run
-- is in one place; whoever moves keeps what it was given until the other store has it.

-- Removes runs that still are what somebody has read. Answers which. First the lanes, then the rows, are held, so that
-- what is compared here is what is removed.
create function duckdive.release(p_ids uuid[], p_tokens bigint[], p_states text[]) returns uuid[]
language plpgsql volatile as $$
declare
  same uuid[];
begin
  perform duckdive.lock_lanes_of(p_ids);
  perform from duckdive.runs where id = any(p_ids) order by id for update;
  perform from duckdive.history where id = any(p_ids) order by id for update;
  same := array(
    select own.id from duckdive.stored(p_ids) as own
    join unnest(p_ids, p_tokens, p_states) as asked (id, token, state) on asked.id = own.id
    where own.token = asked.token and own.state = asked.state
  );
  return array(
    select gone.id from unnest(same, duckdive.remove(same)) as gone (id, answer) where gone.answer is not null
  );
end $$;

-- Makes the partitions for runs that ended at these times and are kept so long.
create function duckdive.extend_history_to(p_finished bigint[], p_keeps bigint[]) returns integer
language plpgsql volatile as $$
declare
  made integer;
begin
  perform set_config('lock_timeout', '5s', true);
  perform pg_advisory_xact_lock('duckdive.history'::regclass::oid::integer, 0);
  select count(*) into made from (
    select distinct kind, ended.at / kind.width * kind.width as lower
    from unnest(p_finished, p_keeps) as ended (at, keep)
    join duckdive.keep_class as kind on kind.class = duckdive.class_of(ended.keep)
  ) as part
  where duckdive.make_partition(part.kind, part.lower);
  return made;
end $$;

-- Records runs as they stood in another store; one that is here already is left alone. Answers which were recorded. The
-- partitions for those that have ended are there. Ready ones stand in front, since they come with an age.
create function duckdive.adopt(p_items json, p_token bigint, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
begin
  -- Far ahead, because somebody may be taking numbers at this moment: tokens must rise.
  if p_token > (select last_value from duckdive.seq) then perform setval('duckdive.seq', p_token + 1000000); end if;
  for item in
    select one.*, coalesce(duckdive.is_long(one.input), false) as long_input,
      coalesce(duckdive.is_long(one.output), false) as long_output, coalesce(duckdive.is_long(one.error), false) as long_error
    from json_to_recordset(p_items) as one (
      id uuid, state text, reason text, job text, version integer, queue text, priority smallint, route text, token bigint,
      attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint, finished_at bigint,
      expires_at bigint, start_within bigint, finish_within bigint, start_by bigint, finish_by bigint, wait_reason text,
      wait_on text, input text, output text, error text, tags json, meta json, release text, progress json, events json,
      logs json, entries json
    )
    order by run_at, id
  loop
    continue when exists (select from duckdive.history where id = item.id)
      or exists (select from duckdive.runs where id = item.id);
    if item.finished_at is null then
      perform duckdive.adopt_live(item, at);
    else
      insert into duckdive.history (
        id, keep_class, finished_at, expires_at, state, reason, token, job, version, queue, priority, attempt, crashes,
        requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
        tags, meta, release
      ) values (
        item.id, duckdive.class_of(item.expires_at - item.finished_at), item.finished_at, item.expires_at, item.state,
        item.reason, item.token, item.job, item.version, item.queue, item.priority, item.attempt, item.crashes,
        item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by,
        item.finish_by, item.long_input::integer + 2 * item.long_output::integer + 4 * item.long_error::integer,
        case when not item.long_input then item.input::json end,
        case when not item.long_output then item.output::json end,
        case when not item.long_error then item.error::json end, item.tags, item.meta, item.release
      );
    end if;
    perform duckdive.adopt_belongings(item, at);
    return next item.id;
  end loop;
end $$;

-- One that has not ended, and is not running.
create function duckdive.adopt_live(item record, p_now bigint) returns void
language plpgsql volatile as $$
begin
  insert into duckdive.runs (
    id, lane, state, job, version, queue, priority, route, attempt, crashes, requested_at, run_at, started_at, start_within,
    finish_within, start_by, finish_by, wait_reason, wait_on, due, body, input, error, tags, meta, release
  ) values (
    item.id,
    case when item.state = 'ready' then duckdive.lane_for(item.queue, item.priority, coalesce(item.route, ''), true) end,
    item.state, item.job, item.version, item.queue, item.priority, coalesce(item.route, ''), item.attempt, item.crashes,
    item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by, item.finish_by,
    item.wait_reason, item.wait_on,
    duckdive.due_of(item.state, item.run_at, item.start_by, item.started_at, item.finish_by, p_now),
    item.long_input::integer + 4 * item.long_error::integer,
    case when not item.long_input then item.input::json end, case when not item.long_error then item.error::json end,
    item.tags, item.meta, item.release
  );
end $$;

-- What stands beside a run.
create function duckdive.adopt_belongings(item record, p_now bigint) returns void
language plpgsql volatile as $$
begin
  if item.long_input or item.long_output or item.long_error then
    insert into duckdive.body (run, input, output, error) values (
      item.id, case when item.long_input then item.input end, case when item.long_output then item.output end,
      case when item.long_error then item.error end
    );
  end if;
  insert into duckdive.event (run, at, kind, attempt, token, worker, detail)
  select item.id, at, kind, attempt, token, worker, detail
  from json_to_recordset(item.events) as event (
    at bigint, kind text, attempt integer, token bigint, worker text, detail json
  );
  insert into duckdive.log (run, at, attempt, level, message, fields)
  select item.id, at, attempt, level, message, fields
  from json_to_recordset(item.logs) as line (at bigint, attempt integer, level text, message text, fields json);
  insert into duckdive.entry (run, name, kind, hash, state, position, value, error, due_at, attempts)
  select item.id, name, kind, hash, state, position, value, error, due_at, coalesce(attempts, 0)
  from json_to_recordset(item.entries) as entry (
    name text, kind text, hash text, state text, position integer, value text, error json, due_at bigint, attempts integer
  );
  if item.progress is not null then
    insert into duckdive.progress (run, at, done, total, note)
    select item.id, p_now, done, total, note
    from json_to_record(item.progress) as progress (done double precision, total double precision, note text);
  end if;
end $$;
`,
  },
  {
    number: 11,
    name: "workers",
    sql: `-- What workers say of themselves, what they are told, and what became of those that are gone.

alter table duckdive.worker
  add column runner integer,       -- the process on its machine that keeps it alive
  add column report json;          -- how it said it was at its last heartbeat

alter table duckdive.definition add column crashes integer; -- how many workers a run of it may take down

-- Workers that have left or died, in the order in which they did: kept apart, since whoever asks for workers means those
-- that are there.
create table duckdive.departed (
  number bigint generated always as identity primary key,
  id text not null,
  host text not null,
  pid integer not null,
  release text,
  started_at bigint not null,
  heartbeat_at bigint not null,
  ended_at bigint not null,
  how text not null check (how in ('stopped', 'lost')),
  cause text,
  culprits text[],                 -- for what is given back later: null, it is not known whose fault it was
  lost integer not null,           -- how many runs were given back …
  runs uuid[] not null             -- … and the first hundred of them
);

-- What workers were told and have not heard: one row for each of them.
create table duckdive.message (
  worker text not null,
  id text not null,                -- given by the sender: sent again it is the same
  number bigint generated always as identity,
  name text not null,
  payload text,
  at bigint not null,
  primary key (worker, id)
);

-- Gives the runs of dead workers back, before those that came after them, and takes the workers out. A run whose
-- settlement is being written is skipped and its claim stays: whoever comes next sees how that ended.
--
-- p_deaths name each worker once: worker, cause, culprits. Without culprits it is not known whose fault it was, and every
-- run that the worker held counts a crash. A claim whose worker is out already goes by the death that took it out.
create function duckdive.bury(p_deaths json, p_how text, p_now bigint)
returns table (run uuid, job text, attempt integer, worker text, state text, cause text, innocent boolean)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  workers constant text[] := array(select death ->> 'worker' from json_array_elements(p_deaths) as death);
  present duckdive.worker[];
  given_workers text[] := '{}';
  given_runs uuid[] := '{}';
  claim duckdive.claims;
  death record;
  one record;
begin
  perform pg_advisory_xact_lock('duckdive.worker'::regclass::oid::integer, key)
  from (select distinct hashtext(dead) as key from unnest(workers) as dead order by key) as keys;
  -- In the order in which a message locks them.
  present := array(select dead from duckdive.worker as dead where dead.id = any(workers) order by dead.id for update);
  delete from duckdive.worker as dead where dead.id = any(workers);
  delete from duckdive.ability as dead where dead.worker = any(workers);
  delete from duckdive.message as unheard where unheard.worker = any(workers);
  for claim in
    select * from duckdive.claims as own where own.worker = any(workers) order by own.id for update skip locked
  loop
    select * into death from duckdive.death_of(claim.worker, p_deaths, present);
    for one in
      select live.* from duckdive.runs as live
      where live.id = any(claim.runs) and live.seq = any(claim.seqs) order by live.id for update skip locked
    loop
      run := one.id;
      job := one.job;
      attempt := one.attempt + 1;
      worker := claim.worker;
      cause := death.cause;
      innocent := coalesce(one.id::text <> all(death.culprits), false);
      state := duckdive.give_up(one.id, claim, cause, innocent, at);
      given_workers := given_workers || worker;
      given_runs := given_runs || run;
      return next;
    end loop;
    if not exists (
      select from duckdive.runs as live where live.id = any(claim.runs) and live.seq = any(claim.seqs)
    ) then
      delete from duckdive.claims as own where own.id = claim.id;
    end if;
  end loop;
  perform duckdive.depart(p_deaths, p_how, present, given_workers, given_runs, at);
end $$;

-- What is known of a worker's death: what is said now, or, when it is out already, what was said then.
create function duckdive.death_of(
  p_worker text, p_deaths json, p_present duckdive.worker[], out cause text, out culprits text[]
)
language plpgsql stable as $$
begin
  if not exists (select from unnest(p_present) as present where present.id = p_worker) then
    select past.cause, past.culprits into cause, culprits
    from duckdive.departed as past where past.id = p_worker order by past.number desc limit 1;
    if found then return; end if;
  end if;
  select said.cause, said.culprits into cause, culprits
  from json_to_recordset(p_deaths) as said (worker text, cause text, culprits text[]) where said.worker = p_worker;
end $$;

-- Gives one run back that a dead worker held, and writes down that its execution was lost. The run is locked. Answers the
-- state it is in by that.
create function duckdive.give_up(
  p_id uuid, p_claim duckdive.claims, p_cause text, p_innocent boolean, p_at bigint
) returns text
language plpgsql volatile as $$
declare
  run duckdive.runs;
  counted constant integer := case when p_innocent then 0 else 1 end;
begin
  select * into run from duckdive.runs where id = p_id;
  perform duckdive.append_event(
    run.id, 'lost',
    json_strip_nulls(json_build_object(
      'worker', p_claim.worker, 'cause', p_cause, 'innocent', case when p_innocent then true end
    )),
    run.attempt + 1, run.seq, p_claim.worker, p_at
  );
  if run.cancel_asked is null then
    perform duckdive.rest_run(
      run.id, 'ready', run.run_at, run.route, null, null, null, counted, counted, p_claim.at, true, p_at
    );
    return 'ready';
  end if;
  perform duckdive.append_event(
    run.id, 'cancelled', json_build_object('reason', run.cancel_asked), run.attempt + 1, run.seq, p_claim.worker, p_at
  );
  perform duckdive.end_run(
    run.id, 'cancelled', run.cancel_asked, null, null, null, counted, counted, p_claim.at, p_claim.worker, p_at
  );
  return 'cancelled';
end $$;

-- Remembers the workers that were present and are taken out, with what each still held; what is given back of one that was
-- out already is added to what is remembered of it. Forgets those older than seven days, and all beyond the last thousand.
create function duckdive.depart(
  p_deaths json, p_how text, p_present duckdive.worker[], p_workers text[], p_runs uuid[], p_at bigint
) returns void
language plpgsql volatile as $$
begin
  update duckdive.departed as past
  set how = 'lost', lost = past.lost + cardinality(given.runs), runs = (past.runs || given.runs)[1:100]
  from (
    select part.worker, array_agg(part.run order by part.run) as runs
    from unnest(p_workers, p_runs) as part (worker, run)
    where not exists (select from unnest(p_present) as present where present.id = part.worker)
    group by part.worker
  ) as given
  where past.number = (select max(number) from duckdive.departed as newest where newest.id = given.worker);
  insert into duckdive.departed (
    id, host, pid, release, started_at, heartbeat_at, ended_at, how, cause, culprits, lost, runs
  )
  select gone.id, gone.host, gone.pid, gone.release, gone.started_at, gone.heartbeat_at, p_at,
    case when cardinality(given.runs) > 0 then 'lost' else p_how end,
    case when cardinality(given.runs) > 0 or p_how = 'lost' then said.cause end, said.culprits,
    cardinality(given.runs), given.runs[1:100]
  from unnest(p_present) as gone
  join json_to_recordset(p_deaths) as said (worker text, cause text, culprits text[]) on said.worker = gone.id
  cross join lateral (
    select array(
      select part.run from unnest(p_workers, p_runs) as part (worker, run) where part.worker = gone.id order by part.run
    ) as runs
  ) as given
  order by gone.id;
  if cardinality(p_present) = 0 then return; end if;
  delete from duckdive.departed where number = any(array(
    select number from duckdive.departed
    where ended_at < p_at - 604800000
      or number <= (select number from duckdive.departed order by number desc limit 1 offset 1000)
    order by number for update skip locked
  ));
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.rescue(p_workers text[], p_now bigint)
returns table (run uuid, job text, attempt integer, worker text, state text)
language sql volatile as $$
  select run, job, attempt, worker, state from duckdive.bury(
    (select coalesce(json_agg(json_build_object('worker', dead)), '[]') from (
      select distinct dead from unnest(p_workers) as dead
    ) as deaths),
    'lost', p_now
  )
$$;

-- Tells workers something; one without a worker goes to all that are registered. Answers for each to how many. A worker
-- that is being taken out is waited for, so that nothing is left for one that is not there.
create function duckdive.tell(p_messages json, p_now bigint) returns integer[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  answers integer[] := '{}';
  listeners text[];
  item record;
begin
  for item in
    select asked.* from rows from (
      json_to_recordset(p_messages) as (id text, "to" text, name text, payload text)
    ) with ordinality as asked (id, listener, name, payload, number) order by asked.number
  loop
    listeners := array(
      select id from duckdive.worker where item.listener is null or id = item.listener order by id for key share
    );
    insert into duckdive.message (worker, id, name, payload, at)
    select listener, item.id, item.name, item.payload, at from unnest(listeners) as listener
    on conflict (worker, id) do nothing;
    answers := answers || cardinality(listeners);
  end loop;
  return answers;
end $$;

-- What a worker was told and has not heard, oldest first, as a list in JSON. Index: the primary key.
create function duckdive.messages_of(p_worker text) returns json
language sql stable as $$
  select coalesce(json_agg(json_build_object('id', id, 'name', name, 'payload', payload, 'at', at) order by number), '[]')
  from (select * from duckdive.message where worker = p_worker order by number limit 100) as unheard
$$;

-- Enters a worker and what it has, and wakes what waited for that. Answers the advisory lock by which it shows that its
-- connection lives.
create or replace function duckdive.register(p_worker json, p_now bigint) returns bigint
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  one record;
  waits text;
begin
  perform pg_advisory_xact_lock('duckdive.runs'::regclass::oid::integer, 0);
  select * into one from json_to_record(p_worker) as asked (
    id text, host text, pid integer, process_start text, release text, runner integer, queues json, abilities json
  );
  insert into duckdive.worker (id, host, pid, process_start, release, runner, queues, started_at, heartbeat_at)
  values (one.id, one.host, one.pid, one.process_start, one.release, one.runner, one.queues, at, at)
  on conflict (id) do update set
    host = excluded.host, pid = excluded.pid, process_start = excluded.process_start, release = excluded.release,
    runner = excluded.runner, queues = excluded.queues, started_at = excluded.started_at,
    heartbeat_at = excluded.heartbeat_at, beats = worker.beats + 1;
  delete from duckdive.ability where worker = one.id;
  insert into duckdive.ability (job, worker, version)
  select job, one.id, max(version) from json_to_recordset(one.abilities) as a (job text, version integer) group by job;
  for waits in
    select distinct wait_on from duckdive.runs where state = 'waiting' and wait_reason = 'worker'
  loop
    if exists (
      select from duckdive.ability
      where worker = one.id and job = regexp_replace(waits, '@[0-9]+$', '')
        and version >= substring(waits from '@([0-9]+)$')::integer
    ) then
      perform duckdive.unpark('worker', waits, at);
    end if;
  end loop;
  return hashtextextended('duckdive.worker ' || one.id, 0);
end $$;

-- Whether runs wait for their preparation, and whether a worker was asked for something: to end a run, or by a message.
-- Indexes: runs_waiting, runs_cancel, the primary key of message.
create or replace function duckdive.calls(out preparation boolean, out cancellation boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  preparation := exists (select from duckdive.runs where state = 'waiting' and wait_reason = 'preparation');
  cancellation := exists (select from duckdive.runs where cancel_asked is not null)
    or exists (select from duckdive.message);
end $$;

-- How an execution of this worker was settled: the state in which the run ended by it, or 'rests'. Null: it was not. An
-- event that names a claim tells of one that a crash of the database undid; one without it, that the worker was lost.
create or replace function duckdive.outcome_of(p_run uuid, p_token bigint, p_worker text) returns text
language sql stable as $$
  select case
    when exists (
      select from duckdive.event
      where run = p_run and token = p_token and worker = p_worker and kind = 'lost' and detail ->> 'claim' is null
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
`,
  },
  {
    number: 12,
    name: "schedules",
    sql: `-- Schedules: what ticks when, which workers have it in their code, and what became of its last ticks.

create table duckdive.schedule (
  name text primary key,
  origin text not null check (origin in ('code', 'runtime')),
  job text not null,
  times text not null,             -- when it ticks, as text that the store does not read
  policy text not null,            -- what else is said of it, likewise
  input text,                      -- json; null: none, or code computes it
  digest text not null,            -- of job, times and policy
  former text[] not null,          -- digests it had before
  release text,
  next_at bigint,                  -- null: it does not tick any more
  ticks bigint not null default 0, -- how many were recorded
  paused_at bigint,
  retired_at bigint,
  created_at bigint not null
);

create index schedule_due on duckdive.schedule (next_at)
  where next_at is not null and paused_at is null and retired_at is null;

-- Which live worker names which schedule in its code, and defined how. Of every worker that published there is a row with
-- no name, so that one whose code names none is known as well; its digest says 'all' when these are all there are.
create table duckdive.scheduler (
  schedule text not null,
  worker text not null,
  digest text not null,
  primary key (schedule, worker)
);

create index scheduler_worker on duckdive.scheduler (worker);

create table duckdive.tick (
  schedule text not null,
  number bigint not null,          -- counts inside the schedule
  at bigint not null,
  until bigint,                    -- of several that were missed the last …
  count integer not null,          -- … and how many they are
  outcome text not null check (outcome in ('enqueued', 'skipped', 'missed', 'failed', 'triggered')),
  run uuid,
  note text,
  recorded_at bigint not null,
  primary key (schedule, number)
);

-- Counts up when schedules change: who hears no notices sees by it that it was about schedules.
alter table duckdive.meta add column schedules bigint not null default 0;

create function duckdive.schedules_changed() returns void
language sql volatile as $$ update duckdive.meta set schedules = schedules + 1 $$;

-- Retires what no live worker names any more, while one lives that would: it named all of its application's, or has the
-- job.
create function duckdive.retire_schedules(p_now bigint) returns void
language sql volatile as $$
  update duckdive.schedule as own set retired_at = p_now
  where own.origin = 'code' and own.retired_at is null
    and exists (
      select from duckdive.scheduler as other where other.schedule = '' and (
        other.digest = 'all'
        or exists (select from duckdive.ability as had where had.job = own.job and had.worker = other.worker)
      )
    )
    and not exists (select from duckdive.scheduler as had where had.schedule = own.name)
$$;

-- Gives a schedule a definition: a new one, or the same again. With other times, or when it shall, it begins anew.
create function duckdive.define_schedule(p_item json, p_origin text, p_release text, p_anew boolean, p_now bigint) returns void
language plpgsql volatile as $$
declare
  item record;
begin
  select * into item from json_to_record(p_item) as item (
    name text, job text, times text, policy text, input text, digest text, first bigint, kept integer
  );
  insert into duckdive.schedule as own (name, origin, job, times, policy, input, digest, former, release, next_at, created_at)
  values (
    item.name, p_origin, item.job, item.times, item.policy, item.input, item.digest, '{}', p_release, item.first, p_now
  )
  on conflict (name) do update set
    origin = excluded.origin, job = excluded.job, times = excluded.times, policy = excluded.policy, input = excluded.input,
    digest = excluded.digest, release = excluded.release, retired_at = null,
    next_at = case when p_anew or own.times <> excluded.times then excluded.next_at else own.next_at end,
    former = case when own.digest = excluded.digest then own.former
      else (array_remove(own.former, excluded.digest) || own.digest)[
        greatest(1, cardinality(array_remove(own.former, excluded.digest)) + 2 - item.kept):
      ] end;
end $$;

-- Enters the schedules of a worker's code, in place of what it entered before: docs/decisions/0008-schedules.md.
--
-- p_items: name, job, times, policy, input, digest, first (its first tick, should it begin anew), and how many earlier
-- digests are kept. Whoever publishes does so after another, so that each sees what the others have.
create function duckdive.publish_schedules(
  p_worker text, p_items json, p_is_all boolean, p_release text, p_away bigint, p_now bigint
) returns void
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item json;
  known duckdive.schedule;
begin
  perform pg_advisory_xact_lock('duckdive.schedule'::regclass::oid::bigint);
  delete from duckdive.scheduler where worker = p_worker;
  for item in select one from json_array_elements(p_items) as one order by one ->> 'name' loop
    select * into known from duckdive.schedule where name = item ->> 'name' for update;
    continue when found and known.retired_at is null
      and known.digest <> item ->> 'digest' and item ->> 'digest' = any(known.former)
      and exists (select from duckdive.scheduler as had where had.schedule = known.name and had.digest = known.digest);
    perform duckdive.define_schedule(
      item, 'code', p_release,
      found and (known.origin <> 'code' or coalesce(at - known.retired_at >= p_away, false)), at
    );
  end loop;
  insert into duckdive.scheduler (schedule, worker, digest)
  select entry.schedule, p_worker, entry.digest from (
    select '' as schedule, case when p_is_all then 'all' else '' end as digest
    union all select one ->> 'name', one ->> 'digest' from json_array_elements(p_items) as one
  ) as entry
  where exists (select from duckdive.worker where id = p_worker);
  perform duckdive.retire_schedules(at);
  perform duckdive.schedules_changed();
end $$;

-- Workers are gone, and with them what they had in code. Answers whether they had anything.
create function duckdive.forget_schedulers(p_workers text[], p_now bigint) returns boolean
language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock('duckdive.schedule'::regclass::oid::bigint);
  delete from duckdive.scheduler where worker = any(p_workers);
  if not found then return false; end if;
  perform duckdive.retire_schedules(duckdive.moment(p_now));
  perform duckdive.schedules_changed();
  return true;
end $$;

-- Records ticks with their runs and moves the schedule on, if it still stands where the worker has read it: answers null
-- when it does not, and otherwise whether the runs were left out, since one that it made before has not ended.
create function duckdive.record_ticks(
  p_schedule text, p_expected bigint, p_next bigint, p_unless_running boolean, p_ticks json, p_kept integer,
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_is_long boolean, p_notice text, p_now bigint
) returns boolean
language plpgsql volatile as $$
declare
  moment constant bigint := duckdive.moment(p_now);
  known duckdive.schedule;
  skipped boolean;
  total bigint;
begin
  select * into known from duckdive.schedule where name = p_schedule for update;
  if not found then return null; end if;
  if p_expected is not null and (
    known.next_at is distinct from p_expected or known.paused_at is not null or known.retired_at is not null
  ) then return null; end if;
  -- A trigger whose answer was lost is sent again: what it recorded is there.
  if p_expected is null and exists (
    select from duckdive.tick where tick.schedule = p_schedule and tick.run = any(p_ids)
  ) then return false; end if;
  skipped := p_unless_running and cardinality(p_ids) > 0 and exists (
    select from duckdive.tick join duckdive.runs as run on run.id = tick.run where tick.schedule = p_schedule
  );
  if not skipped and cardinality(p_ids) > 0 then
    perform duckdive.insert_runs(p_ids, p_inputs, p_numbers, p_shapes, p_ids, p_is_long, p_now, p_notice, null);
  end if;
  insert into duckdive.tick (schedule, number, at, until, count, outcome, run, note, recorded_at)
  select p_schedule, known.ticks + one.place, one.at, one.until, coalesce(one.count, 1),
    case when skipped and one.run is not null then 'skipped' else one.outcome end,
    case when not skipped then one.run end, one.note, moment
  from rows from (
    json_to_recordset(p_ticks) as (at bigint, until bigint, count integer, outcome text, run uuid, note text)
  ) with ordinality as one (at, until, count, outcome, run, note, place);
  total := known.ticks + json_array_length(p_ticks);
  delete from duckdive.tick where schedule = p_schedule and number <= total - p_kept;
  update duckdive.schedule set ticks = total, next_at = case when p_expected is null then known.next_at else p_next end
  where name = p_schedule;
  return skipped;
end $$;

-- Makes a schedule at run time, or changes one; answers what stood in the way.
create function duckdive.put_schedule(p_item json, p_how text, p_release text, p_now bigint) returns text
language plpgsql volatile as $$
declare
  known duckdive.schedule;
begin
  perform pg_advisory_xact_lock('duckdive.schedule'::regclass::oid::bigint);
  select * into known from duckdive.schedule where name = p_item ->> 'name' for update;
  if p_how = 'create' and found then return 'exists'; end if;
  if p_how = 'update' and not found then return 'missing'; end if;
  if p_how = 'update' and known.origin = 'code' then return 'code'; end if;
  perform duckdive.define_schedule(p_item, 'runtime', p_release, false, duckdive.moment(p_now));
  perform duckdive.schedules_changed();
  return 'done';
end $$;

-- Removes a schedule that was made at run time, or is retired, with its history.
create function duckdive.remove_schedule(p_name text) returns text
language plpgsql volatile as $$
declare
  known duckdive.schedule;
begin
  select * into known from duckdive.schedule where name = p_name for update;
  if not found then return 'missing'; end if;
  if known.origin = 'code' and known.retired_at is null then return 'code'; end if;
  delete from duckdive.schedule where name = p_name;
  delete from duckdive.tick where schedule = p_name;
  perform duckdive.schedules_changed();
  return 'done';
end $$;

-- Pauses a schedule, or lets it tick again from p_next on; answers whether that changed anything.
create function duckdive.pause_schedule(p_name text, p_pause boolean, p_next bigint, p_now bigint) returns boolean
language plpgsql volatile as $$
begin
  update duckdive.schedule set
    paused_at = case when p_pause then duckdive.now_or(p_now) end,
    next_at = case when p_pause then next_at else p_next end
  where name = p_name and (paused_at is null) = p_pause;
  if not found then return false; end if;
  perform duckdive.schedules_changed();
  return true;
end $$;
`,
  },
  {
    number: 13,
    name: "losses",
    sql: `-- Losses that nobody is left to write down. A crash of the database undoes claims that were not synced, and whoever held
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
`,
  },
  {
    number: 14,
    name: "gates",
    sql: `-- Gates: locks, concurrency limits and rates. What is stored with a run are its gates; the claim takes all of them or
-- none, and parks a run at the first that was closed. docs/decisions/0009-policies.md has the rules.
--
-- Runs with gates stand in lanes of their own, so a claim of runs without any costs what it did. Who holds a gate is not
-- counted but seen: a run holds the gates under which it was admitted for as long as it is in \`runs\` under the seq that
-- the claim read, and those in its own column \`holds\` while nobody runs it. So whatever ends or requeues a run lets its
-- places go by that alone, in its own transaction and without any lock; \`hand_over\`, sent behind it, gives them away.

alter table duckdive.lane
  add column gated boolean not null default false,
  add column fair boolean not null default false;
alter table duckdive.lane drop constraint lane_queue_priority_route_front_key;
alter table duckdive.lane add unique (queue, priority, route, front, gated, fair);

alter table duckdive.runs
  add column gates json,           -- as they were given
  add column gate_keys bigint[],   -- their kinds and keys as numbers, in the same order
  add column gate_limits integer[], -- and their limits; of rates below zero
  add column holds bigint[],       -- those that it holds although nobody runs it: handed over, or locks kept over a wait
  add column parked_on bigint,     -- the one it is in line at
  add column fair text;            -- on whose account it runs

alter table duckdive.history add column gates json, add column fair text;

-- The line at a gate, first the first. Nobody is in it but by a claim, which holds the lock of all gates.
create index runs_line on duckdive.runs (parked_on, (-priority), run_at, id) where parked_on is not null;

-- What a worker's claims have admitted: three lists of one length, a place in each for a run and one of its locks or
-- limits. It counts while that run is in \`runs\` under that seq, or holds that gate without running. What does not count
-- any more is left out by a later claim of the same worker. Versioned as the state of a lane is, and so is \`gate\`.
create table duckdive.admitted (
  worker text not null,
  n bigint not null,
  keys bigint[] not null,
  runs uuid[] not null,
  seqs bigint[] not null,
  kept integer not null,           -- how many were left when it was last looked through
  primary key (worker, n)
);

-- What cannot be seen from the runs alone. A gate has a row from when somebody first stood in line, kept a lock over a
-- wait, or paid its rate. Where the line begins is remembered, so that those who have left it are never walked again: all
-- who are in line stand at or after (place, run_at, id), where place is the negative priority.
create table duckdive.gate (
  key bigint not null,
  n bigint not null,
  holders uuid[] not null default '{}', -- those that may have it in their \`holds\`
  place integer,
  run_at bigint,
  id uuid,
  tat double precision,            -- rates: when the next start would be on time if they came evenly
  held_until bigint,               -- rates: opens for nobody before
  touched_at bigint not null,
  primary key (key, n)
);

alter table duckdive.admitted
  alter column keys set storage external, alter column runs set storage external, alter column seqs set storage external;
alter table duckdive.admitted set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);
alter table duckdive.gate set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);

-- Gates as numbers, in their order; null for a run without any. Two gates of one number would be taken for one, which
-- would hold back more than asked for, never less.
create function duckdive.keys_of(p_gates json) returns bigint[]
language sql immutable as $$
  select array_agg(hashtextextended((gate ->> 'kind') || ' ' || (gate ->> 'key'), 0) order by number)
  from json_array_elements(p_gates) with ordinality as each (gate, number)
$$;

-- Their limits in the same order, those of rates below zero.
create function duckdive.limits_of(p_gates json) returns integer[]
language sql immutable as $$
  select array_agg(case when gate ->> 'kind' = 'rate' then -1 else 1 end * (gate ->> 'limit')::integer order by number)
  from json_array_elements(p_gates) with ordinality as each (gate, number)
$$;

-- The locks among them that are kept over waits and retries.
create function duckdive.kept_of(p_gates json) returns bigint[]
language sql immutable as $$
  select array_agg(hashtextextended((gate ->> 'kind') || ' ' || (gate ->> 'key'), 0))
  from json_array_elements(p_gates) as gate where gate ->> 'kind' = 'lock' and gate ->> 'hold' = 'run'
$$;

-- The lane of a kind, made when it is new. Never called in a transaction of the application: it takes a lock. Of fair lanes
-- there is none in front: in which order a share's runs come is for it to bear, not for the others.
create function duckdive.lane_for(
  p_queue text, p_priority smallint, p_route text, p_front boolean, p_gated boolean, p_fair boolean
) returns integer
language plpgsql volatile as $$
declare
  found_lane integer;
begin
  select id into found_lane from duckdive.lane
  where queue = p_queue and priority = p_priority and route = p_route and front = (p_front and not p_fair)
    and gated = p_gated and fair = p_fair;
  if found then return found_lane; end if;
  perform pg_advisory_xact_lock('duckdive.lane'::regclass::oid::integer, 0);
  select id into found_lane from duckdive.lane
  where queue = p_queue and priority = p_priority and route = p_route and front = (p_front and not p_fair)
    and gated = p_gated and fair = p_fair;
  if found then return found_lane; end if;
  insert into duckdive.lane (queue, priority, route, front, gated, fair, route_job, route_version)
  values (
    p_queue, p_priority, p_route, p_front and not p_fair, p_gated, p_fair,
    nullif(regexp_replace(p_route, '@[0-9]+$', ''), ''), substring(p_route from '@([0-9]+)$')::integer
  )
  returning id into found_lane;
  insert into duckdive.lane_state (lane, n) values (found_lane, 0);
  return found_lane;
end $$;

-- Of runs without gates and fairness.
create or replace function duckdive.lane_for(p_queue text, p_priority smallint, p_route text, p_front boolean)
returns integer
language sql volatile as $$ select duckdive.lane_for(p_queue, p_priority, p_route, p_front, false, false) $$;

-- Records runs; answers those ids that were there already, live or finished.
--
-- Most runs of a batch are alike but for their id and input, so what they share comes once, as a shape, and each run
-- names its shape by number. p_known are those whose id may have been sent before: only they are looked for among what
-- has ended. p_is_long says that some input is too long to stand in its run.
--
-- The lane is looked up and not made: making one takes a lock. Whoever calls makes it before, over a connection of his
-- own; where it is not seen all the same, the run is recorded as scheduled for now, and the next promotion makes the lane.
--
-- A run with gates, or one of those that are shared out fairly, has a lane of its own kind.
--
-- With p_nonce, the word of the database that is meant, nothing is recorded in another one, and the answer is null.
create or replace function duckdive.insert_runs(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text
) returns setof uuid
language plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  at constant bigint := duckdive.moment(p_now);
  added uuid[];
  finished uuid[] := '{}';
begin
  if p_nonce <> (select nonce from duckdive.meta) then return query select null::uuid; return; end if;
  with shape as materialized (
    select one.*, lane.id as lane, kind.gate_keys, kind.gate_limits, own.run_at, own.state, duckdive.due_of(
        own.state, own.run_at, at + one.start_within, null, at + one.finish_within, at
      ) as due
    from rows from (
      json_to_recordset(p_shapes) as (
        job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
        start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release,
      gates, fair, number
    )
    cross join lateral (
      select duckdive.keys_of(one.gates) as gate_keys, duckdive.limits_of(one.gates) as gate_limits
    ) as kind
    left join duckdive.lane
      on lane.queue = one.queue and lane.priority = one.priority and lane.route = '' and not lane.front
      and lane.gated = (kind.gate_keys is not null) and lane.fair = (one.fair is not null)
    cross join lateral (
      select case when one.due_at is not null then one.due_at when one.due_after is not null then at + one.due_after else at end
        as run_at
    ) as start
    cross join lateral (
      select start.run_at, case when one.waiting is not null then 'waiting'
        when start.run_at > at or lane.id is null then 'scheduled' else 'ready' end as state
    ) as own
  ), recorded as (
    insert into duckdive.runs (
      id, lane, state, wait_reason, job, version, queue, priority, requested_at, run_at,
      start_within, finish_within, start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, queue, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release,
      case when gate_keys is not null then gates end, gate_keys, gate_limits, fair
    from unnest(p_ids, p_inputs, p_numbers) as asked (id, input, number)
    join shape on shape.number = asked.number
    on conflict (id) do nothing
    returning id
  )
  select array_agg(id) into added from recorded;
  added := coalesce(added, '{}');
  if cardinality(p_known) > 0 then
    -- A snapshot that is older than a run's end shows it beside the new one, and not what it became.
    if current_setting('transaction_isolation') <> 'read committed' and exists (
      select from duckdive.runs where id = any(p_known) group by id having count(*) > 1
    ) then
      raise exception 'a run that is enqueued again has ended since this transaction began' using errcode = '40001';
    end if;
    -- In a statement of its own: what was live when the insert looked may have finished since, and is seen here.
    finished := duckdive.finished_among(p_known, at);
    if cardinality(finished) > 0 then delete from duckdive.runs where id = any(finished) and id = any(added); end if;
  end if;
  if p_is_long then
    insert into duckdive.body (run, input)
    select asked.id, asked.input from unnest(p_ids, p_inputs) as asked (id, input)
    where duckdive.is_long(asked.input) and asked.id = any(added) and asked.id <> all(finished)
    on conflict (run) do nothing;
  end if;
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  if cardinality(added) = cardinality(p_ids) and cardinality(finished) = 0 then return; end if;
  return query
  select id from unnest(p_ids) as id where id <> all(added)
  union all select unnest(finished);
end $$;

-- Ends the waiting of runs that were recorded without their definition: ready, scheduled, or failed.
create or replace function duckdive.prepare_runs(p_items json, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  run duckdive.runs;
begin
  for item in
    select * from json_to_recordset(p_items) as item (
      id uuid, invalid json, keep bigint, job text, version integer, queue text, priority smallint, input text,
      start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text
    )
    order by id
  loop
    select * into run from duckdive.runs
    where id = item.id and state = 'waiting' and wait_reason = 'preparation' for update;
    continue when not found;
    if item.invalid is not null then
      perform duckdive.append_event(run.id, 'failed', item.invalid, run.attempt, run.seq, null, at);
      perform duckdive.end_run(run.id, 'failed', 'invalid-input', null, item.invalid::text, item.keep, 0, 0, null, null, at);
      return next run.id;
      continue;
    end if;
    perform duckdive.append_event(run.id, 'prepared', null, run.attempt, run.seq, null, at);
    if duckdive.is_long(item.input) then
      insert into duckdive.body (run, input) values (run.id, item.input)
      on conflict (run) do update set input = excluded.input;
    end if;
    update duckdive.runs set
      job = item.job, version = item.version, queue = item.queue, priority = item.priority,
      body = case when duckdive.is_long(item.input) then 1 else 0 end,
      input = case when not duckdive.is_long(item.input) then item.input::json end,
      start_within = item.start_within, finish_within = item.finish_within,
      start_by = requested_at + item.start_within, finish_by = requested_at + item.finish_within,
      tags = coalesce(item.tags, tags), meta = coalesce(item.meta, meta), release = coalesce(item.release, release),
      gates = item.gates, gate_keys = duckdive.keys_of(item.gates), gate_limits = duckdive.limits_of(item.gates), fair = item.fair
    where id = run.id;
    perform duckdive.rest_run(
      run.id, case when run.run_at > at then 'scheduled' else 'ready' end, run.run_at, '', null, null, null, 0, 0, null, false, at
    );
  end loop;
end $$;

-- Moves a run to history. The caller has made sure, under the run's row lock, that it is where he believes.
-- p_attempts and p_crashes are added; without p_keep it is kept for 90 days. Only what was said last stays as its error.
create or replace function duckdive.end_run(
  p_id uuid, p_state text, p_reason text, p_output text, p_error text, p_keep bigint, p_attempts integer,
  p_crashes integer, p_started_at bigint, p_worker text, p_now bigint
) returns void
language plpgsql volatile as $$
declare
  live duckdive.runs;
  keep constant bigint := coalesce(p_keep, 7776000000);
begin
  delete from duckdive.runs where id = p_id returning * into live;
  if duckdive.is_long(p_output) or duckdive.is_long(p_error) then
    insert into duckdive.body (run, output, error)
    values (
      p_id, case when duckdive.is_long(p_output) then p_output end, case when duckdive.is_long(p_error) then p_error end
    )
    on conflict (run) do update set output = excluded.output, error = excluded.error;
  end if;
  insert into duckdive.history (
    id, keep_class, finished_at, expires_at, state, reason, token, worker, job, version, queue, priority, attempt, crashes,
    requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
    tags, meta, release, gates, fair
  ) values (
    p_id, duckdive.class_of(keep), p_now, p_now + keep, p_state, p_reason, live.seq, p_worker, live.job, live.version,
    live.queue, live.priority, live.attempt + p_attempts, live.crashes + p_crashes, live.requested_at, live.run_at,
    coalesce(p_started_at, live.started_at), live.start_within, live.finish_within, live.start_by, live.finish_by,
    (live.body & 1) | case when duckdive.is_long(p_output) then 2 else 0 end
      | case when duckdive.is_long(p_error) then 4 else 0 end,
    live.input, case when not duckdive.is_long(p_output) then p_output::json end,
    case when not duckdive.is_long(p_error) then p_error::json end, live.tags, live.meta, live.release,
    live.gates, live.fair
  );
end $$;

-- Puts a run to rest: ready in a lane, or out of all lanes. Its seq is new, so whoever had it is fenced out. Of its gates it
-- keeps those locks that are for all of its life, if it has begun that.
create or replace function duckdive.rest_run(
  p_id uuid, p_state text, p_run_at bigint, p_route text, p_wait_reason text, p_wait_on text, p_error text,
  p_attempts integer, p_crashes integer, p_started_at bigint, p_front boolean, p_now bigint
) returns void
language plpgsql volatile as $$
declare
  place record;
begin
  if duckdive.is_long(p_error) then
    insert into duckdive.body (run, error) values (p_id, p_error)
    on conflict (run) do update set error = excluded.error;
  end if;
  select queue, priority, gate_keys is not null as gated, fair is not null as fair into place from duckdive.runs where id = p_id;
  update duckdive.runs set
    state = p_state,
    lane = case when p_state = 'ready' then
      duckdive.lane_for(place.queue, place.priority, p_route, p_front, place.gated, place.fair) end,
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'), run_at = p_run_at, route = p_route,
    wait_reason = p_wait_reason, wait_on = p_wait_on, attempt = attempt + p_attempts, crashes = crashes + p_crashes,
    started_at = coalesce(p_started_at, started_at), parked_on = null,
    holds = case when coalesce(p_started_at, started_at) is not null then duckdive.kept_of(gates) end,
    due = duckdive.due_of(p_state, p_run_at, start_by, coalesce(p_started_at, started_at), finish_by, p_now),
    body = case when p_error is null then body when duckdive.is_long(p_error) then body | 4 else body & 3 end,
    error = case when p_error is null then error when not duckdive.is_long(p_error) then p_error::json end
  where id = p_id;
end $$;

-- Ends executions that succeeded and say nothing else, most of them, in one statement. p_done are claims that are done
-- with by this. Answers the runs that were taken; null: all of them. No join with \`runs\`: whatever the statistics say,
-- each list is looked up in the primary key.
create or replace function duckdive.settle_plain(
  p_runs uuid[], p_tokens bigint[], p_claims uuid[], p_outputs text[], p_keeps bigint[], p_done uuid[], p_now bigint
) returns uuid[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  taken uuid[];
begin
  with held as materialized (
    select asked.run, asked.token, asked.output, asked.keep, claim.worker, claim.at as claimed_at
    from unnest(p_runs, p_tokens, p_claims, p_outputs, p_keeps) as asked (run, token, claim, output, keep)
    join duckdive.claims as claim on claim.id = asked.claim
    where claim.id = any(p_claims)
  ), gone as (
    -- Found by the list of ids, whatever the statistics say, and then held against the pairs: two lists alone would let
    -- one settlement's run pass with the token of another, and searching the second costs its length for each run.
    delete from duckdive.runs as run using held
    where run.id = any(p_runs) and run.id = held.run and run.seq = held.token
    returning run.*
  ), ended as (
    insert into duckdive.history (
      id, keep_class, finished_at, expires_at, state, token, worker, job, version, queue, priority, attempt, crashes,
      requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output,
      tags, meta, release, gates, fair
    )
    select gone.id, duckdive.class_of(held.keep), at, at + held.keep, 'succeeded', gone.seq, held.worker, gone.job,
      gone.version, gone.queue, gone.priority, gone.attempt + 1, gone.crashes, gone.requested_at, gone.run_at,
      held.claimed_at, gone.start_within, gone.finish_within, gone.start_by, gone.finish_by,
      gone.body & 1, gone.input, held.output::json, gone.tags, gone.meta, gone.release,
      gone.gates, gone.fair
    from gone join held on held.run = gone.id and held.token = gone.seq
    returning id
  )
  select array_agg(id) into taken from ended;
  delete from duckdive.claims where id = any(p_done);
  if cardinality(taken) = cardinality(p_runs) then return null; end if;
  return coalesce(taken, '{}');
end $$;

-- Makes failed and cancelled runs ready again, as if they had been asked for now. Answers for each whether it did.
create or replace function duckdive.retry(p_ids uuid[], p_now bigint) returns boolean[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  answers boolean[] := array_fill(false, array[cardinality(p_ids)]);
  item record;
  run duckdive.history;
begin
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.history where id = item.id and state in ('failed', 'cancelled') returning * into run;
    continue when not found;
    perform duckdive.append_event(run.id, 'retried', null, run.attempt, run.token, null, at);
    insert into duckdive.runs (
      id, lane, state, job, version, queue, priority, requested_at, run_at, start_within, finish_within,
      start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair
    ) values (
      run.id, duckdive.lane_for(run.queue, run.priority, '', false, run.gates is not null, run.fair is not null), 'ready', run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release,
      run.gates, duckdive.keys_of(run.gates), duckdive.limits_of(run.gates), run.fair
    );
    answers[item.number] := true;
  end loop;
  return answers;
end $$;

-- Makes ready whatever waits for this reason on this name, the longest due first. What waited for a worker keeps that as
-- its route, so that an older worker does not take it once more. The caller excludes whoever parks.
create or replace function duckdive.unpark(p_reason text, p_on text, p_now bigint) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = off set enable_mergejoin = off as $$
declare
  unparked integer;
begin
  with waiting as materialized (
    select id, nextval('duckdive.seq') as seq
    from (
      select id from duckdive.runs
      where state = 'waiting' and wait_reason = p_reason and wait_on = p_on order by run_at, id for update
    ) as run
  ), kinds as materialized (
    select queue, priority, route, gated, fair, duckdive.lane_for(queue, priority, route, true, gated, fair) as lane
    from (
      select distinct queue, priority, case when p_reason = 'worker' then p_on else route end as route,
        gate_keys is not null as gated, fair is not null as fair
      from duckdive.runs where state = 'waiting' and wait_reason = p_reason and wait_on = p_on
    ) as kind
  ), told as (
    insert into duckdive.event (run, at, kind, attempt, token, detail)
    select run.id, p_now, 'unparked', run.attempt, run.seq, json_build_object('reason', p_reason, 'on', p_on)
    from duckdive.runs as run join waiting on waiting.id = run.id
  )
  update duckdive.runs as run set
    state = 'ready', lane = kinds.lane, route = kinds.route, xid = pg_current_xact_id(), seq = waiting.seq,
    wait_reason = null, wait_on = null, due = case when run.due is not null then greatest(run.due, p_now) end
  from waiting, kinds
  where run.id = waiting.id and kinds.queue = run.queue and kinds.priority = run.priority
    and kinds.gated = (run.gate_keys is not null) and kinds.fair = (run.fair is not null)
    and kinds.route = case when p_reason = 'worker' then p_on else run.route end;
  get diagnostics unparked = row_count;
  return unparked;
end $$;

-- Makes ready those of p_ids that are scheduled and due, in the order in which they are. They are locked.
create or replace function duckdive.start_due(p_ids uuid[], p_at bigint) returns integer
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  starting constant uuid[] := array(
    select id from duckdive.runs where id = any(p_ids) and state = 'scheduled' and run_at <= p_at order by run_at, id
  );
  seqs bigint[];
begin
  seqs := array(select nextval('duckdive.seq') from generate_series(1, cardinality(starting)));
  perform duckdive.lane_for(kind.queue, kind.priority, kind.route, true, kind.gated, kind.fair)
  from (
    select distinct queue, priority, route, gate_keys is not null as gated, fair is not null as fair
    from duckdive.runs where id = any(starting)
  ) as kind;
  update duckdive.runs as run set
    state = 'ready', xid = pg_current_xact_id(), seq = seqs[array_position(starting, run.id)],
    due = duckdive.due_of('ready', null, start_by, started_at, finish_by, p_at),
    lane = (
      select lane.id from duckdive.lane
      where lane.queue = run.queue and lane.priority = run.priority and lane.route = run.route and lane.front = (run.fair is null)
        and lane.gated = (run.gate_keys is not null) and lane.fair = (run.fair is not null)
    )
  where run.id = any(starting);
  return cardinality(starting);
end $$;

-- Everybody who gives places away holds this lock, and reads in a statement that begins after it was taken. It comes after
-- the locks of lanes, and who holds it waits for no run's row: those that somebody else has locked are passed by.
create function duckdive.lock_gates() returns void
language sql volatile as $$ select pg_advisory_xact_lock('duckdive.gate'::regclass::oid::integer, 0) $$;

-- Who holds these gates, each once. p_known are those of them that have a row in \`gate\`. Indexes: the primary keys.
create function duckdive.holders_of(p_keys bigint[], p_known bigint[]) returns table (key bigint, run uuid)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
begin
  return query
  with recursive newest as (
    -- Workers one after the other, from the last: of each only its newest version is touched.
    (select own.worker, own.n from duckdive.admitted as own order by own.worker desc, own.n desc limit 1)
    union all
    select next.worker, next.n from newest cross join lateral (
      select own.worker, own.n from duckdive.admitted as own
      where own.worker < newest.worker order by own.worker desc, own.n desc limit 1
    ) as next
  ), asked as materialized (
    select distinct one.key from unnest(p_keys) as one (key)
  ), listed as materialized (
    select entry.key, entry.run, entry.seq
    from newest
    join duckdive.admitted as own on own.worker = newest.worker and own.n = newest.n
    cross join lateral unnest(own.keys, own.runs, own.seqs) as entry (key, run, seq)
    join asked on asked.key = entry.key
    union all
    select known.key, holder, null
    from (select distinct one.key from unnest(p_known) as one (key)) as known
    cross join lateral (
      select own.holders from duckdive.gate as own where own.key = known.key order by own.n desc limit 1
    ) as gate
    cross join lateral unnest(gate.holders) as holder
  )
  select distinct listed.key, listed.run
  from listed cross join lateral (
    select from duckdive.runs as live
    where live.id = listed.run and (live.seq = listed.seq or listed.key = any(live.holds)) offset 0
  ) as live;
end $$;

create function duckdive.holders_of(p_keys bigint[]) returns table (key bigint, run uuid)
language sql stable as $$ select key, run from duckdive.holders_of(p_keys, p_keys) $$;

-- The gates of these numbers that have a row, and whether somebody is in line at each. Indexes: the primary key, runs_line.
create function duckdive.gates_at(p_keys bigint[]) returns table (gate duckdive.gate, is_line boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  return query
  select own.whole, own.place is not null and exists (
    select from duckdive.runs as live
    where live.parked_on = asked.key and (-live.priority, live.run_at, live.id) >= (own.place, own.run_at, own.id)
    order by live.parked_on, (-live.priority), live.run_at, live.id limit 1
  )
  from unnest(p_keys) as asked (key)
  cross join lateral (
    select newest as whole, newest.place, newest.run_at, newest.id
    from duckdive.gate as newest where newest.key = asked.key order by newest.n desc limit 1
  ) as own;
end $$;

-- Writes a gate, whose lock is held, as a new version.
create function duckdive.put_gate(p_gate duckdive.gate, p_at bigint) returns void
language plpgsql volatile as $$
begin
  update duckdive.gate set
    n = nextval('duckdive.seq'), holders = p_gate.holders, place = p_gate.place, run_at = p_gate.run_at, id = p_gate.id,
    tat = p_gate.tat, held_until = p_gate.held_until, touched_at = p_at
  where key = p_gate.key and n = p_gate.n;
  if found then return; end if;
  insert into duckdive.gate (key, n, holders, place, run_at, id, tat, held_until, touched_at)
  values (
    p_gate.key, nextval('duckdive.seq'), coalesce(p_gate.holders, '{}'), p_gate.place, p_gate.run_at, p_gate.id,
    p_gate.tat, p_gate.held_until, p_at
  );
end $$;

-- The time in milliseconds after which a rate opens again, and how many may start at once.
create function duckdive.rate_of(p_gate json, out step double precision, out burst integer)
language sql immutable as $$
  select (p_gate ->> 'per')::double precision / (p_gate ->> 'limit')::double precision,
    coalesce((p_gate ->> 'burst')::integer, 1)
$$;

-- When a rate opens for who asks with this step and burst.
create function duckdive.opens_at(p_gate duckdive.gate, p_step double precision, p_burst integer) returns bigint
language sql immutable as $$
  select ceil(greatest(coalesce(p_gate.tat, 0) - (p_burst - 1) * p_step, coalesce(p_gate.held_until, 0)))::bigint
$$;

-- Decides over runs that a claim has taken from a lane: which are admitted, and which are parked. The locks of the lane and
-- of the gates are held. Most gates have room for all who ask, and those who ask at no other are admitted without being
-- looked at one by one. \`let_go\` are gates of which a place became free, to be handed over behind this.
create function duckdive.admit(
  p_worker text, p_claim uuid, p_ids uuid[], p_seqs bigint[], p_at bigint,
  out ids uuid[], out seqs bigint[], out parked integer, out let_go bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  asked_keys bigint[];
  asked_runs uuid[];
  asked_seqs bigint[];
  asked_rooms integer[];
  tight bigint[];
  used integer[];
  lines boolean[];
  gates duckdive.gate[];
  touched boolean[];
  run record;
  gate duckdive.gate;
  rate record;
  i integer;
  place integer;
  closed integer;
  parked_ids uuid[] := '{}';
  parked_keys bigint[] := '{}';
  parked_on text[] := '{}';
begin
  ids := p_ids;
  seqs := p_seqs;
  parked := 0;
  let_go := '{}';
  -- Most have one gate, and taking lists of one apart would cost as much as reading the runs.
  with live as materialized (
    select runs.id, runs.seq, runs.gate_keys as keys, runs.gate_limits as rooms from duckdive.runs where runs.id = any(p_ids)
  ), each as materialized (
    select live.keys[1] as key, live.id, live.seq, live.rooms[1] as room from live
    union all
    select one.key, live.id, live.seq, one.room
    from live cross join lateral unnest(live.keys[2:], live.rooms[2:]) as one (key, room)
    where cardinality(live.keys) > 1
  )
  select array_agg(each.key), array_agg(each.id), array_agg(each.seq), array_agg(each.room)
  into asked_keys, asked_runs, asked_seqs, asked_rooms
  from each;
  with asked as materialized (
    select one.key, count(*) as amount, min(one.room) as room
    from unnest(asked_keys, asked_rooms) as one (key, room) group by one.key
  ), keys as materialized (
    select array_agg(asked.key) as all_keys from asked
  ), known as materialized (
    select (at_gate.gate).key, at_gate.gate, at_gate.is_line from keys, duckdive.gates_at(keys.all_keys) as at_gate
  ), taken as materialized (
    select holder.key, count(*) as used
    from keys, duckdive.holders_of(keys.all_keys, array(select known.key from known)) as holder group by holder.key
  )
  select array_agg(asked.key), array_agg(coalesce(taken.used, 0)), array_agg(coalesce(known.is_line, false)),
    array_agg(known.gate), array_agg(false)
  into tight, used, lines, gates, touched
  from asked left join taken on taken.key = asked.key left join known on known.key = asked.key
  where asked.room < 0 or known.key is not null or coalesce(taken.used, 0) + asked.amount > asked.room;

  if tight is not null then
    for run in
      select live.*, part.number
      from unnest(p_ids) with ordinality as part (id, number) join duckdive.runs as live on live.id = part.id
      where live.id = any(p_ids) and live.gate_keys && tight order by part.number
    loop
      closed := null;
      -- Rates last: what is paid there is not given back.
      foreach i in array array(
        select number from generate_subscripts(run.gate_limits, 1) as number order by run.gate_limits[number] < 0, number
      ) loop
        place := array_position(tight, run.gate_keys[i]);
        continue when place is null;
        if run.gate_limits[i] > 0 then
          continue when run.gate_keys[i] = any(run.holds) or (not lines[place] and used[place] < run.gate_limits[i]);
        elsif not lines[place] or run.gate_keys[i] = any(run.holds) then
          rate := duckdive.rate_of(run.gates -> (i - 1));
          continue when duckdive.opens_at(gates[place], rate.step, rate.burst) <= p_at;
        end if;
        closed := i;
        exit;
      end loop;
      for i in 1 .. cardinality(run.gate_keys) loop
        place := array_position(tight, run.gate_keys[i]);
        continue when place is null;
        if closed is not null then
          -- What it was handed goes on to the next in line.
          if run.gate_limits[i] > 0 and run.gate_keys[i] = any(run.holds) and not coalesce(
            run.started_at is not null and run.gate_keys[i] = any(duckdive.kept_of(run.gates)), false
          ) then
            used[place] := used[place] - 1;
          end if;
        elsif run.gate_limits[i] > 0 then
          if not coalesce(run.gate_keys[i] = any(run.holds), false) then used[place] := used[place] + 1; end if;
        else
          rate := duckdive.rate_of(run.gates -> (i - 1));
          gate := gates[place];
          gate.key := run.gate_keys[i];
          gate.tat := greatest(coalesce(gate.tat, 0), p_at) + rate.step;
          gate.holders := array_remove(gate.holders, run.id);
          gates[place] := gate;
          touched[place] := true;
        end if;
      end loop;
      continue when closed is null;
      ids := array_remove(ids, run.id);
      seqs := array_remove(seqs, run.seq);
      place := array_position(tight, run.gate_keys[closed]);
      gate := gates[place];
      gate.key := run.gate_keys[closed];
      if not lines[place] or (-run.priority, run.run_at, run.id) < (gate.place, gate.run_at, gate.id) then
        gate.place := -run.priority;
        gate.run_at := run.run_at;
        gate.id := run.id;
        touched[place] := true;
      end if;
      gates[place] := gate;
      lines[place] := true;
      parked_ids := parked_ids || run.id;
      parked_keys := parked_keys || run.gate_keys[closed];
      parked_on := parked_on || ((run.gates -> (closed - 1) ->> 'kind') || ' ' || (run.gates -> (closed - 1) ->> 'key'));
      let_go := let_go || run.holds;
    end loop;
    parked := cardinality(parked_ids);
    for i in 1 .. cardinality(tight) loop
      if touched[i] then perform duckdive.put_gate(gates[i], p_at); end if;
    end loop;
    if parked > 0 then
      perform duckdive.park(p_worker, p_claim, parked_ids, parked_keys, parked_on, p_at);
    end if;
  end if;
  select array_agg(one.key), array_agg(one.run), array_agg(one.seq) into asked_keys, asked_runs, asked_seqs
  from unnest(asked_keys, asked_runs, asked_seqs, asked_rooms) as one (key, run, seq, room)
  where one.room > 0 and one.run <> all(parked_ids);
  if asked_keys is not null then
    perform duckdive.note_admitted(p_worker, asked_keys, asked_runs, asked_seqs, p_at);
  end if;
end $$;

-- Parks runs at these gates. One that an application's transaction has locked, to change it, is left to a claim that
-- nobody knows of: if that transaction comes to nothing it is given back by the worker that finds it.
create function duckdive.park(p_worker text, p_claim uuid, p_ids uuid[], p_keys bigint[], p_on text[], p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  free constant uuid[] := array(select id from duckdive.runs where id = any(p_ids) for update skip locked);
begin
  update duckdive.runs as run set
    lane = null, state = 'waiting', wait_reason = 'admission', wait_on = part.waits_on, parked_on = part.key,
    xid = pg_current_xact_id(),
    holds = case when run.started_at is not null then nullif(array(
      select unnest(run.holds) intersect select unnest(duckdive.kept_of(run.gates))
    ), '{}') end
  from unnest(p_ids, p_keys, p_on) as part (id, key, waits_on)
  where run.id = any(free) and run.id = part.id;
  perform duckdive.ring(array(select distinct unnest(p_keys)), p_at);
  if cardinality(free) < cardinality(p_ids) then
    insert into duckdive.claims (id, worker, at, runs, seqs)
    select gen_random_uuid(), p_worker, p_at, array_agg(id), array_agg(seq)
    from duckdive.runs where id = any(p_ids) and id <> all(free);
  end if;
end $$;

-- Sees to it that who is first in line at a rate is looked at when that opens.
create function duckdive.ring(p_keys bigint[], p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  known record;
  first record;
  rate record;
begin
  for known in select * from duckdive.gates_at(p_keys) as at_gate where at_gate.is_line loop
    select live.id, live.due, live.gates -> (array_position(live.gate_keys, live.parked_on) - 1) as own into first
    from duckdive.runs as live
    where live.parked_on = (known.gate).key
      and (-live.priority, live.run_at, live.id) >= ((known.gate).place, (known.gate).run_at, (known.gate).id)
    order by live.parked_on, (-live.priority), live.run_at, live.id limit 1;
    continue when first.own ->> 'kind' is distinct from 'rate';
    rate := duckdive.rate_of(first.own);
    -- One whose row is locked is found by the sweep.
    perform from duckdive.runs where id = first.id for update skip locked;
    continue when not found;
    update duckdive.runs as live set
      xid = pg_current_xact_id(),
      due = least(
        greatest(duckdive.opens_at(known.gate, rate.step, rate.burst), p_at + 1),
        duckdive.due_of('waiting', null, live.start_by, live.started_at, live.finish_by, p_at)
      )
    where live.id = first.id;
  end loop;
end $$;

-- Enters runs that are admitted. What does not count any more is left out when the list has doubled since it was last
-- looked through; a lock that is kept over a wait goes into its gate.
create function duckdive.note_admitted(
  p_worker text, p_keys bigint[], p_runs uuid[], p_seqs bigint[], p_at bigint
) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  own duckdive.admitted;
  before bigint;
begin
  select * into own from duckdive.admitted where worker = p_worker order by n desc limit 1;
  if own.n is null then
    insert into duckdive.admitted (worker, n, keys, runs, seqs, kept)
    values (p_worker, nextval('duckdive.seq'), p_keys, p_runs, p_seqs, 0);
    return;
  end if;
  before := own.n;
  if cardinality(own.keys) > 2 * own.kept + 500 then own := duckdive.looked_through(own, p_at); end if;
  update duckdive.admitted set
    n = nextval('duckdive.seq'), keys = own.keys || p_keys, runs = own.runs || p_runs, seqs = own.seqs || p_seqs,
    kept = own.kept
  where worker = p_worker and n = before;
end $$;

-- The same list without what does not count any more.
create function duckdive.looked_through(p_own duckdive.admitted, p_at bigint) returns duckdive.admitted
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_hashjoin = off
as $$
declare
  own duckdive.admitted := p_own;
  rest_keys bigint[];
  rest_runs uuid[];
  resting record;
  gate duckdive.gate;
begin
  select coalesce(array_agg(entry.key) filter (where live.runs), '{}'),
    coalesce(array_agg(entry.run) filter (where live.runs), '{}'),
    coalesce(array_agg(entry.seq) filter (where live.runs), '{}'),
    array_agg(entry.key) filter (where not live.runs), array_agg(entry.run) filter (where not live.runs)
  into own.keys, own.runs, own.seqs, rest_keys, rest_runs
  from unnest(p_own.keys, p_own.runs, p_own.seqs) as entry (key, run, seq)
  cross join lateral (
    select one.seq = entry.seq as runs from duckdive.runs as one
    where one.id = entry.run and (one.seq = entry.seq or entry.key = any(one.holds)) offset 0
  ) as live;
  own.kept := cardinality(own.keys);
  for resting in
    select entry.key, array_agg(entry.run) as runs from unnest(rest_keys, rest_runs) as entry (key, run) group by entry.key
  loop
    gate := (select at_gate.gate from duckdive.gates_at(array[resting.key]) as at_gate);
    gate.key := resting.key;
    gate.holders := array(select unnest(gate.holders) union select unnest(resting.runs));
    perform duckdive.put_gate(gate, p_at);
  end loop;
  return own;
end $$;

-- Gives free places at these gates to the next in line. Sent behind whatever may have let one go, in a transaction of its
-- own: whoever was parked before this has the lock is seen, and whoever is parked after it has seen the free place.
--
-- A long line may have to move to another gate that is closed to all of it, and every claim of runs with gates waits for this
-- lock: so no more than so many are moved at once, and what is left is answered as \`rest\`, to be sent again.
create function duckdive.hand_over(p_keys bigint[], p_now bigint, out handed integer, out rest bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  at bigint;
  lines bigint[];
  known record;
  given bigint[] := '{}';
  answer record;
  most integer := 100;
begin
  handed := 0;
  rest := '{}';
  perform duckdive.lock_gates();
  -- A hand-over that is lost in a crash is made again by the sweep.
  perform set_config('synchronous_commit', 'off', true);
  -- Most have nobody in line, and then nobody need know who holds them.
  lines := array(
    select (at_gate.gate).key
    from duckdive.gates_at(array(select distinct unnest(p_keys))) as at_gate where at_gate.is_line
  );
  if cardinality(lines) = 0 then return; end if;
  for known in
    select line.key, coalesce(array_agg(holder.run) filter (where holder.run is not null), '{}') as holders
    from unnest(lines) as line (key) left join duckdive.holders_of(lines) as holder on holder.key = line.key
    group by line.key
  loop
    if most > 0 then
      at := coalesce(at, duckdive.moment(p_now));
      answer := duckdive.hand_over_at(
        known.key,
        case when known.key = any(given)
          then array(select holder.run from duckdive.holders_of(array[known.key]) as holder) else known.holders end,
        most, at
      );
      handed := handed + answer.handed;
      given := given || answer.given;
      most := most - answer.moved;
    end if;
    if most <= 0 then rest := rest || known.key; end if;
  end loop;
end $$;

-- As many as the limit of whoever is next allows. Of a rate those have a place that were let in and have not paid: they
-- will, when a claim takes them. Who would find another of its locks and limits closed waits there from now on, so that
-- nobody holds one for want of another. \`given\` are other gates of those that were handed a place: they have all of them.
-- \`moved\` counts all that left the line, p_most of them at most.
create function duckdive.hand_over_at(
  p_key bigint, p_holders uuid[], p_most integer, p_at bigint, out handed integer, out moved integer, out given bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  before constant duckdive.gate := (select at_gate.gate from duckdive.gates_at(array[p_key]) as at_gate);
  gate duckdive.gate := before;
  own json;
  rate record;
  first duckdive.runs;
  others bigint[];
  closed integer;
  used integer := cardinality(p_holders);
  head record;
begin
  handed := 0;
  moved := 0;
  given := '{}';
  gate.holders := array(select unnest(gate.holders) intersect select unnest(p_holders));
  while moved < p_most loop
    select * into first from duckdive.runs as live
    where live.parked_on = p_key and (-live.priority, live.run_at, live.id) >= (gate.place, gate.run_at, gate.id)
    order by live.parked_on, (-live.priority), live.run_at, live.id limit 1 for update skip locked;
    exit when first.id is null;
    own := first.gates -> (array_position(first.gate_keys, p_key) - 1);
    if own ->> 'kind' = 'rate' then
      rate := duckdive.rate_of(own);
      exit when coalesce(gate.held_until, 0) > p_at
        or greatest(coalesce(gate.tat, 0), p_at) + (used - rate.burst + 1) * rate.step > p_at;
    else
      exit when used >= (own ->> 'limit')::integer;
    end if;
    moved := moved + 1;
    others := '{}';
    if cardinality(first.gate_keys) > 1 then
      others := array(
        select one.key from unnest(first.gate_keys, first.gate_limits) as one (key, room)
        where one.room > 0 and one.key <> p_key and one.key <> all(coalesce(first.holds, '{}'))
      );
      closed := duckdive.first_closed(first, others);
      if closed is null then
        perform duckdive.add_holder(one, first.id, p_at) from unnest(others) as one;
        given := given || others;
      else
        perform duckdive.wait_at(first, closed, p_at);
        continue;
      end if;
    end if;
    perform duckdive.make_next(first, array_append(others, p_key), p_at);
    gate.holders := gate.holders || first.id;
    used := used + 1;
    handed := handed + 1;
  end loop;
  -- The line begins with whoever is first in it now.
  select -live.priority as place, live.run_at, live.id into head
  from duckdive.runs as live
  where live.parked_on = p_key and (-live.priority, live.run_at, live.id) >= (gate.place, gate.run_at, gate.id)
  order by live.parked_on, (-live.priority), live.run_at, live.id limit 1;
  if found then
    gate.place := head.place;
    gate.run_at := head.run_at;
    gate.id := head.id;
  end if;
  if handed > 0 or (gate.place, gate.run_at, gate.id) <> (before.place, before.run_at, before.id) then
    perform duckdive.put_gate(gate, p_at);
  end if;
  perform duckdive.ring(array[p_key], p_at);
end $$;

-- The first of these gates of a run where it would have to wait: no place is free, or somebody is in line before it.
create function duckdive.first_closed(p_run duckdive.runs, p_keys bigint[]) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
begin
  return (
    with holder as materialized (
      select one.key, count(*) as used from duckdive.holders_of(p_keys) as one group by one.key
    ), line as materialized (
      select (at_gate.gate).key, at_gate.gate from duckdive.gates_at(p_keys) as at_gate where at_gate.is_line
    )
    select min(one.number)
    from unnest(p_run.gate_keys, p_run.gate_limits) with ordinality as one (key, room, number)
    left join holder on holder.key = one.key
    left join line on line.key = one.key
    where one.key = any(p_keys) and (
      coalesce(holder.used, 0) >= one.room
      or (line.key is not null and exists (
        select from duckdive.runs as live
        where live.parked_on = one.key
          and (-live.priority, live.run_at, live.id) >= ((line.gate).place, (line.gate).run_at, (line.gate).id)
          and (-live.priority, live.run_at, live.id) < (-p_run.priority, p_run.run_at, p_run.id)
      ))
    )
  );
end $$;

create function duckdive.add_holder(p_key bigint, p_run uuid, p_at bigint) returns void
language plpgsql volatile as $$
declare
  gate duckdive.gate := (select at_gate.gate from duckdive.gates_at(array[p_key]) as at_gate);
begin
  gate.key := p_key;
  if cardinality(gate.holders) > 20 then
    gate.holders := array(
      select unnest(gate.holders) intersect select holder.run from duckdive.holders_of(array[p_key]) as holder
    );
  end if;
  gate.holders := array_append(gate.holders, p_run);
  perform duckdive.put_gate(gate, p_at);
end $$;

-- Lets a run that is in line wait at another of its gates, in its place by age.
create function duckdive.wait_at(p_run duckdive.runs, p_number integer, p_at bigint) returns void
language plpgsql volatile as $$
declare
  known record;
  gate duckdive.gate;
begin
  select * into known from duckdive.gates_at(array[p_run.gate_keys[p_number]]) as at_gate;
  gate := known.gate;
  gate.key := p_run.gate_keys[p_number];
  if not coalesce(known.is_line, false)
    or (-p_run.priority, p_run.run_at, p_run.id) < (gate.place, gate.run_at, gate.id) then
    gate.place := -p_run.priority;
    gate.run_at := p_run.run_at;
    gate.id := p_run.id;
    perform duckdive.put_gate(gate, p_at);
  end if;
  update duckdive.runs as run set
    parked_on = gate.key, xid = pg_current_xact_id(),
    wait_on = (run.gates -> (p_number - 1) ->> 'kind') || ' ' || (run.gates -> (p_number - 1) ->> 'key'),
    due = duckdive.due_of('waiting', null, run.start_by, run.started_at, run.finish_by, p_at)
  where run.id = p_run.id;
end $$;

-- Makes a run ready that was in line and has these gates now, before those that came after it.
create function duckdive.make_next(p_run duckdive.runs, p_keys bigint[], p_at bigint) returns void
language plpgsql volatile as $$
begin
  update duckdive.runs as run set
    state = 'ready', wait_reason = null, wait_on = null, parked_on = null, holds = run.holds || p_keys,
    lane = duckdive.lane_for(run.queue, run.priority, run.route, true, true, run.fair is not null),
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'),
    due = duckdive.due_of('ready', null, run.start_by, run.started_at, run.finish_by, p_at)
  where run.id = p_run.id;
end $$;

-- Queues that claims pass over for a time, since an execution was told that it asks too much.
create table duckdive.held_queue (
  queue text primary key,
  until bigint not null
);

-- Gates of rates open for nobody for so long; without any, its queue is passed over.
create function duckdive.hold_back(p_rates bigint[], p_queue text, p_for bigint, p_now bigint) returns void
language plpgsql volatile as $$
declare
  at bigint;
  rate bigint;
  gate duckdive.gate;
begin
  if cardinality(p_rates) = 0 then
    at := duckdive.now_or(p_now);
    insert into duckdive.held_queue (queue, until) values (p_queue, at + p_for)
    on conflict (queue) do update set until = greatest(held_queue.until, excluded.until);
    return;
  end if;
  perform duckdive.lock_gates();
  at := duckdive.moment(p_now);
  foreach rate in array p_rates loop
    gate := (select at_gate.gate from duckdive.gates_at(array[rate]) as at_gate);
    gate.key := rate;
    gate.held_until := greatest(gate.held_until, at + p_for);
    perform duckdive.put_gate(gate, at);
  end loop;
  perform duckdive.ring(p_rates, at);
end $$;

-- The lanes that a worker may draw from and that have something for it (with p_all: all of them): by priority, then by
-- the age of what stands first in them. With p_ageing a lane counts as one priority higher for each time so long that its
-- first has waited. No more than it can use: each has one run at least, unless somebody is faster, and each is locked.
create function duckdive.lanes_with_work(p_queues jsonb, p_abilities jsonb, p_all boolean, p_ageing bigint, p_now bigint)
returns table (lane integer, priority smallint, pool text, is_restored boolean, gated boolean, fair boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
begin
  return query
  select found.lane, found.priority, found.pool, found.is_restored, found.gated, found.fair
  from (
    select line.id as lane, line.priority, line.gated, line.fair, slots.pool, head.run_at, head.xid, head.seq, aged.rank,
      state.cx > pg_snapshot_xmax(pg_current_snapshot())
        or coalesce(head.xid >= pg_snapshot_xmax(pg_current_snapshot()), false) as is_restored,
      row_number() over (
        partition by slots.pool order by aged.rank desc, head.run_at nulls first, head.xid, head.seq
      ) as place
    from duckdive.lane as line
    cross join lateral (
      select case when p_queues ? line.queue then line.queue else '*' end as pool
    ) as slots
    cross join lateral (
      select * from duckdive.lane_state as own where own.lane = line.id order by own.n desc limit 1
    ) as state
    left join lateral (
      (
        -- Of a fair lane whoever is next, and otherwise what is not discovered yet.
        select run.xid, run.seq, run.run_at from (
          select * from duckdive.turn where line.fair and turn.lane = line.id and turn.vt >= state.floor
          order by turn.lane, turn.vt, turn.fair limit 1
        ) as turn
        cross join lateral (
          select r.xid, r.seq, r.run_at from duckdive.runs as r
          where r.lane = line.id and r.fair = turn.fair and (r.xid, r.seq) > (turn.cx, turn.cs)
          order by r.lane, r.fair, r.xid, r.seq limit 1
        ) as run
      )
      union all
      select run.xid, run.seq, run.run_at from (
        select r.xid, r.seq, r.run_at from duckdive.runs as r
        where r.lane = line.id and (r.xid, r.seq) > (state.cx, state.cs)
        order by r.xid, r.seq limit 1
      ) as run
      limit 1
    ) as head on true
    cross join lateral (
      select line.priority + coalesce(greatest(at - head.run_at, 0) / p_ageing, 0) as rank
    ) as aged
    where (p_queues ->> slots.pool)::integer > 0
      and not exists (select from duckdive.pause where kind = 'queue' and name = line.queue)
      and not exists (select from duckdive.held_queue where held_queue.queue = line.queue and held_queue.until > at)
      and (line.route = '' or exists (
        select from jsonb_to_recordset(p_abilities) as ability (job text, version integer)
        where ability.job = line.route_job and ability.version >= line.route_version
      ))
      and (
        p_all
        or head.xid is not null
        or (line.fair and exists (select from duckdive.turn where turn.lane = line.id and turn.vt >= state.floor))
        or state.cx > pg_snapshot_xmax(pg_current_snapshot())
        or exists (select from unnest(state.pend) as p (x) where pg_visible_in_snapshot(p.x, pg_current_snapshot()))
      )
  ) as found
  where p_all or found.place <= greatest((p_queues ->> found.pool)::integer, 8)
  order by found.rank desc, found.run_at nulls first, found.xid, found.seq;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.lanes_with_work(p_queues jsonb, p_abilities jsonb, p_all boolean)
returns table (lane integer, priority smallint, pool text, is_restored boolean)
language sql stable as $$
  select lane, priority, pool, is_restored from duckdive.lanes_with_work(p_queues, p_abilities, p_all, null, null)
$$;

-- Parks what stands next in a lane and can only join a line. The locks of the lane and of the gates are held.
create function duckdive.park_ahead(p_worker text, p_claim uuid, p_lane integer, p_at bigint) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  ids uuid[];
  keys bigint[];
  waits_on text[];
  first record;
  gate duckdive.gate;
begin
  with ahead as materialized (
    select run.* from (
      select * from duckdive.lane_state where lane = p_lane order by n desc limit 1
    ) as state
    cross join lateral (
      select live.id, live.gates, live.gate_keys[own.number] as key, own.number, live.xid, live.seq
      from (
        select * from duckdive.runs as r where r.lane = p_lane and (r.xid, r.seq) > (state.cx, state.cs)
        order by r.xid, r.seq limit 500
      ) as live
      cross join lateral (
        select number from generate_subscripts(live.gate_limits, 1) as number
        order by live.gate_limits[number] < 0, number limit 1
      ) as own
      where live.holds is null
    ) as run
  ), lines as materialized (
    select (at_gate.gate).key from duckdive.gates_at(array(select distinct ahead.key from ahead)) as at_gate
    where at_gate.is_line
  )
  select array_agg(ahead.id), array_agg(ahead.key),
    array_agg((ahead.gates -> (ahead.number - 1) ->> 'kind') || ' ' || (ahead.gates -> (ahead.number - 1) ->> 'key'))
  into ids, keys, waits_on
  from ahead join lines on lines.key = ahead.key;
  if ids is null then return 0; end if;
  for first in
    select distinct on (part.key) part.key, -live.priority as place, live.run_at, live.id
    from unnest(ids, keys) as part (id, key) join duckdive.runs as live on live.id = part.id
    order by part.key, -live.priority, live.run_at, live.id
  loop
    gate := (select at_gate.gate from duckdive.gates_at(array[first.key]) as at_gate);
    continue when (first.place, first.run_at, first.id) >= (gate.place, gate.run_at, gate.id);
    gate.place := first.place;
    gate.run_at := first.run_at;
    gate.id := first.id;
    perform duckdive.put_gate(gate, p_at);
  end loop;
  perform duckdive.park(p_worker, p_claim, ids, keys, waits_on, p_at);
  return cardinality(ids);
end $$;

-- Takes runs from a lane of runs with gates until p_limit are admitted, or p_most were parked. The locks of the lane and of
-- the gates are held.
create function duckdive.take_gated(
  p_worker text, p_claim uuid, p_lane integer, p_limit integer, p_most integer, p_jump boolean, p_fair boolean,
  p_at bigint, out ids uuid[], out seqs bigint[], out parked integer, out let_go bigint[]
)
language plpgsql volatile as $$
declare
  took record;
  answer record;
begin
  ids := '{}';
  seqs := '{}';
  parked := 0;
  let_go := '{}';
  loop
    if p_fair then
      took := duckdive.take_fair(p_lane, p_limit - cardinality(ids), p_jump);
    else
      took := duckdive.take(p_lane, p_limit - cardinality(ids), p_jump);
    end if;
    exit when took.ids is null;
    answer := duckdive.admit(p_worker, p_claim, took.ids, took.seqs, p_at);
    ids := ids || answer.ids;
    seqs := seqs || answer.seqs;
    parked := parked + answer.parked;
    let_go := let_go || answer.let_go;
    exit when cardinality(ids) >= p_limit or parked >= p_most;
    -- A line that stands here may be long, and is not walked by as few as there is room for.
    if answer.parked > 0 then parked := parked + duckdive.park_ahead(p_worker, p_claim, p_lane, p_at); end if;
  end loop;
end $$;

-- Takes runs for a worker, at most as many as each of its pools (a queue, or '*' for the others) has free slots, and
-- writes one row for all of them under p_claim, a random id that the worker made. Answers how many; who and what they
-- are is asked for by \`claimed\`: a worker that stops while it reads an answer must hold no lane. -1: no such worker. -2:
-- others took all that it looked at, or all of it was parked, and there may be more. Places at the gates in \`let_go\` are to
-- be handed over behind this: a claim puts nothing into a lane, whose cursor it may have moved past its own transaction.
--
-- Not synced: whatever is committed upon this claim is behind it in the log. A claim that is lost in a crash is a run
-- that is handed out again, and its settlement is refused for the want of the claim.
create function duckdive.claim(
  p_worker text, p_claim uuid, p_queues jsonb, p_abilities jsonb, p_now bigint, p_ageing bigint,
  out amount integer, out let_go bigint[]
)
language plpgsql volatile as $$
declare
  lock_class constant integer := 'duckdive.lane'::regclass::oid::integer;
  free jsonb := p_queues;
  began timestamptz := clock_timestamp();
  lanes integer[];
  pools text[];
  priorities smallint[];
  restored boolean[];
  gated boolean[];
  fair boolean[];
  is_jump boolean := false;
  is_all_locked boolean;
  locked smallint;
  at bigint;
  room integer;
  most integer;
  parked integer := 0;
  took record;
  all_ids uuid[] := '{}';
  all_seqs bigint[] := '{}';
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'duckdive claims in READ COMMITTED only, and this connection has %',
      current_setting('transaction_isolation');
  end if;
  amount := 0;
  -- Whoever rescues this worker waits for the claim, or the claim sees that the worker is out.
  perform pg_advisory_xact_lock_shared('duckdive.worker'::regclass::oid::integer, hashtext(p_worker));
  if not exists (select from duckdive.worker where id = p_worker) then amount := -1; return; end if;
  for attempt in 1 .. 2 loop
    select array_agg(line.lane), array_agg(line.pool), array_agg(line.priority), array_agg(line.is_restored),
      array_agg(line.gated), array_agg(line.fair)
    into lanes, pools, priorities, restored, gated, fair
    from duckdive.lanes_with_work(p_queues, p_abilities, is_jump, p_ageing, p_now) as line;
    exit when lanes is not null;
    -- Looking took long for nothing: what is dead in front of the cursors is walked once more, and then left behind.
    if is_jump or clock_timestamp() - began <= interval '5 milliseconds' then return; end if;
    is_jump := true;
  end loop;
  -- What a crash undoes is handed out again, and those who had it are told when they show that they live. Until then they
  -- would hold a place that others are given: so claims of runs with gates are synced.
  if not true = any(gated) then perform set_config('synchronous_commit', 'off', true); end if;
  -- Lanes before gates, and everybody locks lanes by priority and then by number: with gates, or when lanes are not asked
  -- in that order, all of them are locked before the first is asked.
  is_all_locked := p_ageing is not null or true = any(gated);
  if is_all_locked then
    perform pg_advisory_xact_lock(lock_class, one.lane)
    from (
      select l.lane from unnest(lanes, priorities) as l (lane, priority) order by l.priority desc, l.lane
    ) as one;
  end if;
  for i in 1 .. cardinality(lanes) loop
    room := (free ->> pools[i])::integer;
    continue when room < 1;
    if not is_all_locked and locked is distinct from priorities[i] then
      locked := priorities[i];
      perform pg_advisory_xact_lock(lock_class, one.lane)
      from (
        select l.lane from unnest(lanes, priorities) as l (lane, priority) where l.priority = locked order by l.lane
      ) as one;
    end if;
    if restored[i] and duckdive.is_foreign(lanes[i]) then perform duckdive.renumber(lanes[i]); end if;
    if gated[i] then
      if at is null then
        perform duckdive.lock_gates();
        at := duckdive.moment(p_now);
        most := greatest(4 * (select sum(slots.value::integer) from jsonb_each_text(p_queues) as slots), 500);
      end if;
      exit when parked >= most;
      took := duckdive.take_gated(p_worker, p_claim, lanes[i], room, most - parked, is_jump, fair[i], at);
      parked := parked + took.parked;
      let_go := let_go || took.let_go;
    elsif fair[i] then
      took := duckdive.take_fair(lanes[i], room, is_jump);
    else
      took := duckdive.take(lanes[i], room, is_jump);
    end if;
    if took.ids is not null then
      all_ids := all_ids || took.ids;
      all_seqs := all_seqs || took.seqs;
      free := jsonb_set(free, array[pools[i]], to_jsonb(room - cardinality(took.ids)));
    end if;
  end loop;
  amount := cardinality(all_ids);
  if amount > 0 then
    insert into duckdive.claims (id, worker, at, runs, seqs)
    values (p_claim, p_worker, duckdive.now_or(p_now), all_ids, all_seqs);
  elsif parked >= most or (not is_jump and exists (
    select from unnest(pools) as looked (pool) group by pool having count(*) >= (p_queues ->> pool)::integer
  )) then
    amount := -2;
  end if;
end $$;

-- As workers of an older version call it, until the last of them has stopped. What they let go is handed over by the sweep.
create or replace function duckdive.claim(p_worker text, p_claim uuid, p_queues jsonb, p_abilities jsonb, p_now bigint)
returns integer
language sql volatile as $$
  select amount from duckdive.claim(p_worker, p_claim, p_queues, p_abilities, p_now, null)
$$;

-- What a claim holds, without what was cancelled or replaced since; and the gates of each, so that whoever settles it knows
-- what is to be handed over.
drop function duckdive.claimed(uuid);
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean, gate_keys bigint[], rate_keys bigint[]
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  held duckdive.claims;
  paused text[];
begin
  select * into held from duckdive.claims as claim where claim.id = p_claim;
  paused := array(select name from duckdive.pause where kind = 'job');
  return query
  with part as materialized (
    select part.id, part.seq from unnest(held.runs, held.seqs) as part (id, seq)
  )
  select run.id, run.seq, run.job, run.version, run.queue, run.priority,
    case when run.body & 1 = 1 then (select body.input from duckdive.body where body.run = run.id) else run.input::text end,
    run.attempt + 1, run.crashes, run.requested_at, run.run_at,
    held.at,
    case when run.started_at is null then run.start_by end, run.finish_by,
    run.tags::text, run.meta::text, run.job = any(paused),
    run.gate_keys,
    case when 0 > any(run.gate_limits) then array(
      select one.key from unnest(run.gate_keys, run.gate_limits) as one (key, room) where one.room < 0
    ) end
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
end $$;

-- Makes ready what is due, and fails what should have started or ended by now and is not running: at most p_limit in all.
--
-- One at a time does this. It reads on from where the last one stopped, and remembers the transactions under way as it
-- passes them, as a claim does: all with a lower number than its own that its snapshot does not see. Those with a higher
-- one read the clock later than this did (see \`moment\`), and the present millisecond is not passed. Rows that others have
-- locked are not waited for: their transactions are remembered.
--
-- \`keys\` are gates where places are to be handed over behind this: of those that ended, and of rates that have opened.
drop function duckdive.promote(integer, bigint);
create function duckdive.promote(p_limit integer, p_now bigint, out moved integer, out ended uuid[], out jobs text[], out keys bigint[], out opened boolean)
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  own constant xid8 := pg_current_xact_id();
  floor duckdive.due_state;
  reached record;
  lanes integer[];
  locked uuid[];
  running uuid[] := '{}';
begin
  perform pg_advisory_xact_lock('duckdive.due_state'::regclass::oid::integer, 0);
  delete from duckdive.held_queue where until <= at;
  opened := found;
  floor := duckdive.due_floor(at, true);
  reached := duckdive.reach(floor, p_limit, at);
  moved := 0;
  ended := '{}';
  jobs := '{}';
  keys := '{}';
  -- Many workers wake for the same start, and the first has done it.
  if floor.due >= 0 and cardinality(reached.ids) = 0 then return; end if;
  lanes := duckdive.lock_lanes_of(reached.ids);
  locked := array(select id from duckdive.runs where id = any(reached.ids) order by id for update skip locked);
  if exists (select from duckdive.runs where id = any(locked) and state = 'ready') then
    running := array(select id from duckdive.held where id = any(locked));
    -- Their worker keeps the time; when they are given back they become due again.
    update duckdive.runs set due = null where id = any(running);
  end if;
  keys := array(
    select distinct unnest(gate_keys) from duckdive.runs
    where id = any(locked) and id <> all(running)
      and (parked_on is not null or (start_by <= at and started_at is null) or finish_by <= at)
  );
  update duckdive.runs set
    xid = own, due = duckdive.due_of(state, run_at, start_by, started_at, finish_by, at)
  where id = any(locked) and parked_on is not null;
  ended := duckdive.expire(array(select id from unnest(locked) as id where id <> all(running)), at);
  jobs := array(
    select past.job from unnest(ended) with ordinality as one (id, number)
    cross join lateral (select history.job from duckdive.history where history.id = one.id limit 1) as past
    order by one.number
  );
  moved := duckdive.start_due(locked, at) + cardinality(ended);
  -- After the others have started: the cursor of a lane may pass this transaction's own number, and must see what has it.
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  perform duckdive.keep_floor(floor, reached.due, reached.id, array(
    select pg_snapshot_xip(reached.snapshot)
    -- The highest number in a snapshot is of what has ended: there are higher ones that have not.
    union select x::text::xid8
      from generate_series(pg_snapshot_xmax(reached.snapshot)::text::bigint, own::text::bigint - 1) as above (x)
    union select xid from duckdive.runs where id = any(reached.ids) and id <> all(locked) and due <= at
    union select unnest(reached.unread)
  ));
end $$;

-- When somebody has to look next: the start of a scheduled run, the end of a run's patience or the opening of a rate, any of
-- which may be over, or the end of a queue's being held back.
create or replace function duckdive.next_due(p_now bigint) returns bigint
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  floor constant duckdive.due_state := duckdive.due_floor(at, false);
begin
  return least(
    (
      select min(run.due) from unnest(floor.pend) as p (x) cross join lateral (
        select due from duckdive.runs
        where due is not null and xid = p.x and (due, id) <= (floor.due, floor.id) limit 1
      ) as run
      where pg_visible_in_snapshot(p.x, pg_current_snapshot())
    ),
    (
      select due from duckdive.runs
      where due is not null and (due, id) > (floor.due, floor.id) order by due, id limit 1
    ),
    (select min(until) from duckdive.held_queue)
  );
end $$;

-- Mends what a crash between a settlement and its handing over has left, for p_limit gates below p_before; and forgets what
-- is of no use any more. Answers where to go on; null: at the top.
create function duckdive.sweep_gates(
  p_before bigint, p_limit integer, p_now bigint, out next bigint, out handed integer, out rest bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  at bigint;
  seen bigint[];
  known record;
  own duckdive.admitted;
  before bigint;
begin
  handed := 0;
  rest := '{}';
  with recursive key as (
    (
      select gate.key from duckdive.gate where gate.key <= coalesce(p_before, 9223372036854775807)
      order by gate.key desc, gate.n desc limit 1
    )
    union all
    select next.key from key cross join lateral (
      select gate.key from duckdive.gate where gate.key < key.key order by gate.key desc, gate.n desc limit 1
    ) as next
  )
  select array(select key.key from key limit p_limit) into seen;
  if cardinality(seen) = p_limit then next := seen[p_limit] - 1; end if;
  if cardinality(seen) = 0 and not exists (select from duckdive.admitted) then return; end if;
  select answer.handed, answer.rest into handed, rest from duckdive.hand_over(seen, p_now) as answer;
  at := duckdive.now_or(p_now);
  for known in
    select at_gate.gate from duckdive.gates_at(seen) as at_gate
    where not at_gate.is_line and (at_gate.gate).touched_at < at - 60000
      and coalesce((at_gate.gate).tat, 0) <= at and coalesce((at_gate.gate).held_until, 0) <= at
      and not exists (
        select from unnest((at_gate.gate).holders) as holder
        join duckdive.runs as live on live.id = holder and (at_gate.gate).key = any(live.holds)
      )
  loop
    delete from duckdive.gate where key = (known.gate).key and n = (known.gate).n;
  end loop;
  for own in
    select newest.* from duckdive.admitted as newest
    where not exists (select from duckdive.worker where worker.id = newest.worker)
  loop
    before := own.n;
    own := duckdive.looked_through(own, at);
    if own.kept = 0 then
      delete from duckdive.admitted where worker = own.worker and n = before;
    elsif own.kept < (select cardinality(keys) from duckdive.admitted where worker = own.worker and n = before) then
      update duckdive.admitted set
        n = nextval('duckdive.seq'), keys = own.keys, runs = own.runs, seqs = own.seqs, kept = own.kept
      where worker = own.worker and n = before;
    end if;
  end loop;
end $$;

-- The gates of runs, for who is about to end or change them; and of runs that these workers hold.
create function duckdive.gates_of(p_ids uuid[]) returns bigint[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return array(select distinct unnest(gate_keys) from duckdive.runs where id = any(p_ids) and gate_keys is not null);
end $$;

create function duckdive.gates_of_workers(p_workers text[]) returns bigint[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return array(
    select distinct unnest(own.keys) from unnest(p_workers) as gone (id)
    cross join lateral (
      select keys from duckdive.admitted where admitted.worker = gone.id order by n desc limit 1
    ) as own
  );
end $$;

-- How a run stands at each of its gates, as a list in JSON.
create function duckdive.standing(p_run uuid, p_now bigint) returns json
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  run duckdive.runs;
begin
  select * into run from duckdive.runs where id = p_run;
  return (
    with holder as materialized (
      select holder.key, live.id, live.job, live.state, claim.at, one.room
      from unnest(run.gate_keys, run.gate_limits) as one (key, room)
      join duckdive.holders_of(run.gate_keys) as holder on holder.key = one.key
      join duckdive.runs as live on live.id = holder.run
      left join duckdive.held as claim on claim.id = live.id and claim.seq = live.seq
    )
    select json_agg(json_build_object(
      'gate', run.gates -> (one.number::integer - 1),
      'isHolding', exists (select from holder where holder.key = one.key and holder.id = run.id),
      'isParked', coalesce(run.parked_on = one.key, false),
      'used', case when one.room > 0 then (select count(*) from holder where holder.key = one.key) else 0 end,
      'holders', (
        select coalesce(json_agg(json_build_object(
          'run', ten.id, 'job', ten.job, 'state', case when ten.at is null then ten.state else 'running' end, 'since', ten.at
        ) order by ten.at nulls last, ten.id), '[]')
        from (
          select * from holder where holder.key = one.key and one.room > 0 order by holder.at nulls last, holder.id limit 10
        ) as ten
      ),
      'ahead', (
        select count(*) from (
          select from duckdive.runs as other
          where other.parked_on = one.key and (
            run.parked_on is distinct from one.key
            or (-other.priority, other.run_at, other.id) < (-run.priority, run.run_at, run.id)
          )
          limit 10000
        ) as line
      ),
      'opensAt', case when one.room < 0 then (
        select duckdive.opens_at(gate.own, rate.step, rate.burst)
        from duckdive.rate_of(run.gates -> (one.number::integer - 1)) as rate
        left join lateral (
          select newest as own from duckdive.gate as newest where newest.key = one.key order by newest.n desc limit 1
        ) as gate on true
      ) end
    ) order by one.number)
    from unnest(run.gate_keys, run.gate_limits) with ordinality as one (key, room, number)
  );
end $$;

-- Records runs as they stood in another store; one that is here already is left alone. Answers which were recorded. The
-- partitions for those that have ended are there. Ready ones stand in front, since they come with an age.
-- Those that were in line at a gate ask for it anew: places do not move.
create or replace function duckdive.adopt(p_items json, p_token bigint, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
begin
  -- Far ahead, because somebody may be taking numbers at this moment: tokens must rise.
  if p_token > (select last_value from duckdive.seq) then perform setval('duckdive.seq', p_token + 1000000); end if;
  for item in
    select one.*, coalesce(duckdive.is_long(one.input), false) as long_input,
      coalesce(duckdive.is_long(one.output), false) as long_output, coalesce(duckdive.is_long(one.error), false) as long_error
    from json_to_recordset(p_items) as one (
      id uuid, state text, reason text, job text, version integer, queue text, priority smallint, route text, token bigint,
      attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint, finished_at bigint,
      expires_at bigint, start_within bigint, finish_within bigint, start_by bigint, finish_by bigint, wait_reason text,
      wait_on text, input text, output text, error text, tags json, meta json, release text, progress json, events json,
      logs json, entries json, gates json, fair text
    )
    order by run_at, id
  loop
    continue when exists (select from duckdive.history where id = item.id)
      or exists (select from duckdive.runs where id = item.id);
    if item.finished_at is null then
      perform duckdive.adopt_live(item, at);
    else
      insert into duckdive.history (
        id, keep_class, finished_at, expires_at, state, reason, token, job, version, queue, priority, attempt, crashes,
        requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
        tags, meta, release, gates, fair
      ) values (
        item.id, duckdive.class_of(item.expires_at - item.finished_at), item.finished_at, item.expires_at, item.state,
        item.reason, item.token, item.job, item.version, item.queue, item.priority, item.attempt, item.crashes,
        item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by,
        item.finish_by, item.long_input::integer + 2 * item.long_output::integer + 4 * item.long_error::integer,
        case when not item.long_input then item.input::json end,
        case when not item.long_output then item.output::json end,
        case when not item.long_error then item.error::json end, item.tags, item.meta, item.release,
        item.gates, item.fair
      );
    end if;
    perform duckdive.adopt_belongings(item, at);
    return next item.id;
  end loop;
end $$;

-- One that has not ended, and is not running.
create or replace function duckdive.adopt_live(item record, p_now bigint) returns void
language plpgsql volatile as $$
declare
  in_line constant boolean := item.wait_reason is not distinct from 'admission';
  new_state constant text := case when in_line then 'ready' else item.state end;
begin
  insert into duckdive.runs (
    id, lane, state, job, version, queue, priority, route, attempt, crashes, requested_at, run_at, started_at, start_within,
    finish_within, start_by, finish_by, wait_reason, wait_on, due, body, input, error, tags, meta, release,
    gates, gate_keys, gate_limits, fair
  ) values (
    item.id,
    case when new_state = 'ready' then duckdive.lane_for(
      item.queue, item.priority, coalesce(item.route, ''), true, item.gates is not null, item.fair is not null
    ) end,
    new_state, item.job, item.version, item.queue, item.priority, coalesce(item.route, ''), item.attempt, item.crashes,
    item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by, item.finish_by,
    case when not in_line then item.wait_reason end, case when not in_line then item.wait_on end,
    duckdive.due_of(new_state, item.run_at, item.start_by, item.started_at, item.finish_by, p_now),
    item.long_input::integer + 4 * item.long_error::integer,
    case when not item.long_input then item.input::json end, case when not item.long_error then item.error::json end,
    item.tags, item.meta, item.release,
    item.gates, duckdive.keys_of(item.gates), duckdive.limits_of(item.gates), item.fair
  );
end $$;
`,
  },
  {
    number: 15,
    name: "fair",
    sql: `-- Fair shares: of runs that name on whose account they run, those whose turn it is come first. They stand in lanes of
-- their own. docs/decisions/0009-policies.md has the rules.
--
-- Such a lane is read twice, and each run once in both. The lane's cursor discovers: it reads on over many positions at
-- once and learns which shares have something there. Each of those has a turn with a cursor of its own, behind which it
-- has been handed out. Whose turn has had least is next; who comes into the lane begins where the others are, so that
-- nobody is paid back for a time in which it had nothing there.

-- What a claim reads of one share. Nothing else stands in it.
create index runs_fair on duckdive.runs (lane, fair, xid, seq) where lane is not null and fair is not null;

alter table duckdive.lane_state add column floor bigint not null default 0; -- the least that a share has had, of a fair lane

-- The shares of a lane that have something in it, with how much each has had. Every change is another entry of the index,
-- and what is below the lane's floor is never walked again.
create table duckdive.turn (
  lane integer not null,
  vt bigint not null,
  fair text not null,
  cx xid8 not null,
  cs bigint not null,
  primary key (lane, vt, fair)
);

alter table duckdive.turn set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);

-- Finds one's turn, which has no other entry.
create index turn_fair on duckdive.turn (lane, fair, vt);

-- Takes up to p_limit runs from a fair lane whose lock is held: as many of each share as there are places for it.
create function duckdive.take_fair(p_lane integer, p_limit integer, p_jump boolean, out ids uuid[], out seqs bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  found record;
  served record;
begin
  found := duckdive.discover(p_lane, p_limit, p_jump);
  ids := found.ids;
  seqs := found.seqs;
  loop
    exit when cardinality(ids) >= p_limit;
    served := duckdive.serve(p_lane, p_limit - cardinality(ids), found.snapshot);
    exit when served.shares = 0;
    ids := ids || served.ids;
    seqs := seqs || served.seqs;
  end loop;
  if cardinality(ids) = 0 then ids := null; end if;
end $$;

-- Reads on in a fair lane, and gives every share that is new there its turn. What came late is handed out at once if its
-- share's own cursor has passed it, as with the cursor of any lane; otherwise that share will come to it.
create function duckdive.discover(
  p_lane integer, p_limit integer, p_jump boolean, out ids uuid[], out seqs bigint[], out snapshot pg_snapshot
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  most constant integer := 20000;
  shares text[];
  transactions xid8[];
  places bigint[];
begin
  with state as materialized (
    select * from duckdive.lane_state where lane = p_lane order by n desc limit 1
  ), present as materialized (
    select pg_current_snapshot() as snapshot
  ), finished as materialized (
    select p.x, p.a from state, present, lateral unnest(state.pend, state.after) as p (x, a)
    where pg_visible_in_snapshot(p.x, present.snapshot)
  ), late as materialized (
    select run.* from finished cross join lateral (
      select r.id, r.xid, r.seq, r.fair from duckdive.runs as r
      where r.lane = p_lane and r.xid = finished.x and r.seq > finished.a
      order by r.xid, r.seq limit p_limit
    ) as run
    order by run.xid, run.seq limit p_limit
  ), passed as materialized (
    select late.id, late.seq from late
    left join lateral (
      select turn.cx, turn.cs from duckdive.turn where turn.lane = p_lane and turn.fair = late.fair limit 1
    ) as own on true
    where own.cx is null or (own.cx, own.cs) >= (late.xid, late.seq)
  ), main as materialized (
    select run.* from state cross join present cross join lateral (
      select r.xid, r.seq, r.fair from duckdive.runs as r
      where r.lane = p_lane and (r.xid, r.seq) > (state.cx, state.cs) and r.xid < pg_snapshot_xmax(present.snapshot)
      order by r.xid, r.seq limit most
    ) as run
  ), amount as materialized (
    select (select count(*) from late) as late, (select count(*) from main) as main
  ), last_late as (
    select xid, seq from late order by xid desc, seq desc limit 1
  ), last_main as (
    select xid, seq from main order by xid desc, seq desc limit 1
  ), cursor as materialized (
    select
      case when is_end then pg_snapshot_xmax(present.snapshot) when amount.main > 0 then (select xid from last_main)
        else cx end as cx,
      case when is_end then -1 when amount.main > 0 then (select seq from last_main) else cs end as cs
    from state, present, amount, lateral (
      select amount.main < most and (amount.main > 0 or p_jump) and pg_snapshot_xmax(present.snapshot) > state.cx as is_end
    ) as at_end
  ), pending as (
    select p.x, p.a from state, present, lateral unnest(state.pend, state.after) as p (x, a)
    where not pg_visible_in_snapshot(p.x, present.snapshot)
    union all
    select finished.x, case when finished.x = last_late.xid then last_late.seq else finished.a end
    from finished, last_late, amount
    where amount.late = p_limit and finished.x >= last_late.xid
    union all
    select x, -1 from state, present, cursor, lateral pg_snapshot_xip(present.snapshot) as x
    where x >= state.cx and x < cursor.cx
  ), moved as (
    update duckdive.lane_state as own
    set n = own.n + 1, cx = cursor.cx, cs = cursor.cs,
      pend = coalesce((select array_agg(x) from pending), '{}'),
      after = coalesce((select array_agg(a) from pending), '{}')
    from state, cursor, amount
    where own.lane = p_lane and own.n = state.n
      and (amount.late + amount.main > 0 or exists (select from finished) or cursor.cx > state.cx)
  ), first as (
    select distinct on (main.fair) main.fair, main.xid, main.seq from main order by main.fair, main.xid, main.seq
  )
  select coalesce((select array_agg(id) from passed), '{}'), coalesce((select array_agg(seq) from passed), '{}'),
    (select present.snapshot from present), array_agg(first.fair), array_agg(first.xid), array_agg(first.seq)
  into ids, seqs, snapshot, shares, transactions, places
  from first;
  insert into duckdive.turn (lane, vt, fair, cx, cs)
  select p_lane, state.floor, one.fair, one.xid, one.seq - 1
  from unnest(shares, transactions, places) as one (fair, xid, seq)
  cross join (select floor from duckdive.lane_state where lane = p_lane order by n desc limit 1) as state
  where not exists (select from duckdive.turn where turn.lane = p_lane and turn.fair = one.fair);
end $$;

-- Hands out of those whose turn it is, up to where was discovered and what that snapshot shows: what the lane remembers as
-- under way is not taken here as well. A share that has nothing left there gives up its turn.
create function duckdive.serve(
  p_lane integer, p_limit integer, p_snapshot pg_snapshot, out ids uuid[], out seqs bigint[], out shares integer
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  with state as materialized (
    select * from duckdive.lane_state where lane = p_lane order by n desc limit 1
  ), picked as materialized (
    select turn.* from state cross join lateral (
      select * from duckdive.turn where turn.lane = p_lane and turn.vt >= state.floor
      order by turn.lane, turn.vt, turn.fair limit p_limit
    ) as turn
  ), part as materialized (
    select p_limit / count(*) as size, min(picked.vt) as floor, count(*) as shares from picked having count(*) > 0
  ), got as materialized (
    select picked.fair, picked.vt, run.* from picked cross join state cross join part cross join lateral (
      select r.id, r.xid, r.seq from duckdive.runs as r
      where r.lane = p_lane and r.fair = picked.fair
        and (r.xid, r.seq) > (picked.cx, picked.cs) and (r.xid, r.seq) <= (state.cx, state.cs)
        and pg_visible_in_snapshot(r.xid, p_snapshot) and r.xid <> all(state.pend)
      order by r.lane, r.fair, r.xid, r.seq limit part.size
    ) as run
  ), taken as materialized (
    select got.fair, count(*) as amount, (array_agg(got.xid order by got.xid desc, got.seq desc))[1] as xid,
      (array_agg(got.seq order by got.xid desc, got.seq desc))[1] as seq
    from got group by got.fair
  ), gone as (
    delete from duckdive.turn using picked, part
    where turn.lane = p_lane and turn.vt = picked.vt and turn.fair = picked.fair
      and not exists (select from taken where taken.fair = picked.fair and taken.amount = part.size)
  ), moved as (
    update duckdive.turn set vt = turn.vt + taken.amount, cx = taken.xid, cs = taken.seq
    from picked, taken, part
    where turn.lane = p_lane and turn.vt = picked.vt and turn.fair = picked.fair
      and taken.fair = picked.fair and taken.amount = part.size
  ), lowest as (
    update duckdive.lane_state as own set floor = part.floor from state, part
    where own.lane = p_lane and own.n = state.n and own.floor < part.floor
  )
  select coalesce((select array_agg(id) from got), '{}'), coalesce((select array_agg(seq) from got), '{}'),
    coalesce((select part.shares from part), 0)
  into ids, seqs, shares;
end $$;

-- As before; of a fair lane all turns begin anew, with all that it has before them.
create or replace function duckdive.renumber(p_lane integer) returns void
language plpgsql volatile
set jit = off set enable_nestloop = off set enable_mergejoin = off
as $$
begin
  -- By the seq as well: one that is given back meanwhile is nobody's, and keeps the place that it was given.
  update duckdive.runs as run set lane = null from duckdive.held
  where run.lane = p_lane and run.id = held.id and run.seq = held.seq;
  with ordered as materialized (
    select id, nextval('duckdive.seq') as seq
    from (select id from duckdive.runs where lane = p_lane order by xid, seq) as run
  )
  update duckdive.runs as run set xid = '0', seq = ordered.seq from ordered where run.id = ordered.id;
  delete from duckdive.turn where lane = p_lane;
  update duckdive.lane_state set n = n + 1, cx = '0', cs = -1, pend = '{}', after = '{}'
  where lane = p_lane and n = (select max(n) from duckdive.lane_state where lane = p_lane);
end $$;
`,
  },
  {
    number: 16,
    name: "unique",
    sql: `-- Unique keys: at most one run holds a key. docs/decisions/0009-policies.md has the rules.
--
-- A key is an entry in a unique index: whoever records a run meets whoever holds its key there, and nowhere else. Ending
-- a run deletes its row, and that frees the key. A claim touches no run, so whether somebody still holds his key in the
-- state that he is in by now is decided when another one asks for it: if not, he is left with an idle key, which holds
-- again as soon as he is in a state that it counts in.

alter table duckdive.runs
  add column unique_key uuid,      -- a hash of the key, in the states in which it is held …
  add column unique_idle uuid,     -- … or there in others, or while another run holds it
  add column unique_while smallint; -- the states that hold it: 1 scheduled, 2 ready, 4 waiting, 8 running; 0: none, it has a window

alter table duckdive.history
  add column unique_key uuid,
  add column unique_while smallint;

create unique index runs_unique on duckdive.runs (unique_key) where unique_key is not null;
create index runs_unique_idle on duckdive.runs (unique_idle) where unique_idle is not null and unique_while > 0;

-- Keys that are held for a time, whatever becomes of their run.
create table duckdive.unique_window (
  key uuid primary key,
  run uuid not null,
  until bigint not null
);

create index unique_window_until on duckdive.unique_window (until);

create function duckdive.state_bit(p_state text) returns integer
language sql immutable as $$
  select case p_state when 'scheduled' then 1 when 'ready' then 2 when 'waiting' then 4 else 8 end
$$;

-- Whether a claim holds this run under this seq: it is running.
create function duckdive.is_held(p_run uuid, p_seq bigint) returns boolean
language sql stable as $$
  select exists (
    select from duckdive.claims as claim cross join lateral unnest(claim.runs, claim.seqs) as part (run, seq)
    where p_run = any(claim.runs) and part.run = p_run and part.seq = p_seq
  )
$$;

-- The run that holds a key; null: nobody does.
create function duckdive.key_holder(p_key uuid, p_at bigint) returns uuid
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  run record;
begin
  for run in
    select live.id, live.seq, live.state, live.unique_while as states from duckdive.runs as live where live.unique_key = p_key
    union all
    select live.id, live.seq, live.state, live.unique_while from duckdive.runs as live
    where live.unique_idle = p_key and live.unique_while > 0
  loop
    if run.states = 15 or run.states & duckdive.state_bit(
      case when duckdive.is_held(run.id, run.seq) then 'running' else run.state end
    ) <> 0 then return run.id; end if;
  end loop;
  return (select own.run from duckdive.unique_window as own where own.key = p_key and own.until > p_at);
end $$;

-- Takes a key off the run that has it and, in the state it is in, does not hold it.
create function duckdive.free_key(p_key uuid) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  run record;
begin
  select live.id, live.seq, live.state, live.unique_while as states into run
  from duckdive.runs as live where live.unique_key = p_key;
  if not found or run.states & duckdive.state_bit(
    case when duckdive.is_held(run.id, run.seq) then 'running' else run.state end
  ) <> 0 then return; end if;
  update duckdive.runs set unique_idle = unique_key, unique_key = null
  where id = run.id and seq = run.seq and unique_key = p_key;
end $$;

-- Takes the keys that are held for a time, if they are free. One's own is no hindrance, so it may be asked for again.
create function duckdive.take_windows(p_ids uuid[], p_keys uuid[], p_windows bigint[], p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  if not exists (select from unnest(p_windows) as length where length is not null) then return; end if;
  delete from duckdive.unique_window where key = any(p_keys) and until <= p_at;
  insert into duckdive.unique_window (key, run, until)
  select distinct on (asked.key) asked.key, asked.id, p_at + asked.length
  from unnest(p_ids, p_keys, p_windows) with ordinality as asked (id, key, length, place)
  where asked.key is not null and asked.length is not null
  order by asked.key, asked.place
  on conflict do nothing;
end $$;

-- What a request becomes whose key this run holds: 'ignored', or 'changed' when the run was given what it asks for. Null:
-- that run does not hold it any more. Only a run that has not begun its next attempt is changed. \`let_go\` are gates where
-- it may have had a place, to be handed over behind this.
create function duckdive.meet(
  p_key uuid, p_holder uuid, p_shape json, p_input text, p_at bigint, out answer text, out let_go bigint[]
)
language plpgsql volatile as $$
declare
  rule constant json := p_shape -> 'unique';
  run duckdive.runs;
  fields text[];
  run_at bigint;
begin
  answer := 'ignored';
  if rule ->> 'kind' not in ('replace', 'debounce') then return; end if;
  select * into run from duckdive.runs as live where live.id = p_holder;
  if not found or duckdive.is_held(run.id, run.seq) or run.wait_reason = 'entries' then return; end if;
  select * into run from duckdive.runs as live where live.id = p_holder for update;
  if not found then
    answer := null;
    return;
  end if;
  -- Looked at again with the row in hand: from here on only a claim can come in between, and that is fenced out.
  if duckdive.is_held(run.id, run.seq) then return; end if;
  if duckdive.key_holder(p_key, p_at) is distinct from p_holder then
    answer := null;
    return;
  end if;
  if rule ->> 'kind' = 'debounce' then
    fields := '{input,runAt}';
    run_at := least(p_at + (rule ->> 'delay')::bigint, run.requested_at + (rule ->> 'at_most')::bigint);
  else
    fields := array(select json_array_elements_text(rule -> 'fields'));
    run_at := coalesce((p_shape ->> 'due_at')::bigint, p_at + coalesce((p_shape ->> 'due_after')::bigint, 0));
  end if;
  -- In the order in which they are told.
  fields := array(
    select field from unnest('{input,runAt,priority}'::text[]) with ordinality as each (field, place)
    where field = any(fields) order by place
  );
  if cardinality(fields) = 0 then return; end if;
  perform duckdive.replace_run(run, fields, p_shape, p_input, run_at, p_at);
  answer := 'changed';
  if run.holds is not null or run.parked_on is not null then let_go := run.gate_keys; end if;
end $$;

-- Of what a run holds the locks that it keeps over a wait. Not all that it might keep: one that came from another store, or
-- was given other gates, has begun and has to ask for them.
create function duckdive.kept_among(p_holds bigint[], p_started_at bigint, p_gates json) returns bigint[]
language sql immutable as $$
  select case when p_started_at is not null then nullif(array(
    select unnest(p_holds) intersect select unnest(duckdive.kept_of(p_gates))
  ), '{}') end
$$;

-- Gives a run that rests, and whose row is locked, what a later request asks for. Its seq is new, so that a claim which is
-- under way finds it no more. This may be a transaction of the application: no lane is locked, and none is made.
--
-- Gates and share were computed of the input and change with it. If the gates are others it has no place at the old ones,
-- and stands in no line there: its claim asks at the new ones. A lock that it keeps and that is among them stays its own.
create function duckdive.replace_run(
  p_run duckdive.runs, p_fields text[], p_shape json, p_input text, p_run_at bigint, p_at bigint
) returns void
language plpgsql volatile as $$
declare
  is_long constant boolean := 'input' = any(p_fields) and coalesce(duckdive.is_long(p_input), false);
  new_run_at constant bigint := case when 'runAt' = any(p_fields) then p_run_at else p_run.run_at end;
  new_priority constant smallint :=
    case when 'priority' = any(p_fields) then (p_shape ->> 'priority')::smallint else p_run.priority end;
  has_input constant boolean := 'input' = any(p_fields);
  asked record;
  is_others boolean;
  new_lane integer;
  new_state text := p_run.state;
begin
  select gates, fair, duckdive.keys_of(gates) as gate_keys, duckdive.limits_of(gates) as gate_limits into asked
  from json_to_record(p_shape) as shape (gates json, fair text);
  if not has_input then
    asked.gates := p_run.gates;
    asked.fair := p_run.fair;
    asked.gate_keys := p_run.gate_keys;
    asked.gate_limits := p_run.gate_limits;
  end if;
  is_others := asked.gates::jsonb is distinct from p_run.gates::jsonb;
  perform duckdive.append_event(
    p_run.id, 'replaced', json_build_object('fields', p_fields), p_run.attempt, p_run.seq, null, p_at
  );
  if is_long then
    insert into duckdive.body (run, input) values (p_run.id, p_input)
    on conflict (run) do update set input = excluded.input;
  end if;
  -- Where a run in line stands follows from what is changed here: its claim puts it there again.
  if p_run.parked_on is not null and (is_others or p_fields && '{runAt,priority}') then new_state := 'ready'; end if;
  if new_state <> 'waiting' then
    new_state := case when new_run_at > p_at then 'scheduled' else 'ready' end;
  end if;
  if new_state = 'ready' then
    select lane.id into new_lane from duckdive.lane
    where lane.queue = p_run.queue and lane.priority = new_priority and lane.route = p_run.route
      and lane.gated = (asked.gate_keys is not null) and lane.fair = (asked.fair is not null)
    order by (lane.front = (new_run_at < p_at)) desc limit 1;
    if not found then new_state := 'scheduled'; end if;
  end if;
  update duckdive.runs as live set
    version = case when has_input then (p_shape ->> 'version')::integer else version end,
    input = case when has_input then case when not is_long then p_input::json end else input end,
    body = case when has_input then (body & 6) | is_long::integer else body end,
    run_at = new_run_at, priority = new_priority, state = new_state, lane = new_lane,
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'),
    wait_reason = case when new_state = 'waiting' then wait_reason end,
    wait_on = case when new_state = 'waiting' then wait_on end,
    parked_on = case when new_state = 'waiting' then parked_on end,
    gates = asked.gates, gate_keys = asked.gate_keys, gate_limits = asked.gate_limits, fair = asked.fair,
    -- A place that it was handed waits for its claim; a later one does not take it along.
    holds = case when new_state = 'ready' and not is_others then holds
      else duckdive.kept_among(holds, started_at, asked.gates) end,
    due = case when new_state = 'waiting' and parked_on is not null then due
      else duckdive.due_of(new_state, new_run_at, start_by, started_at, finish_by, p_at) end
  where live.id = p_run.id;
end $$;

-- Records runs of which some have a unique key. Answers for those that were not recorded which run is meant in their place,
-- and why: 'present' when it is their own id, 'ignored' or 'changed' when it holds their key, 'rejected' when their rule
-- says so. With p_all nothing is recorded when one is rejected; otherwise each is for itself. \`let_go\` are gates where one
-- that was changed may have had a place.
--
-- A transaction of the application that recorded the same key is waited for: until it has ended, nobody knows. Over our own
-- connections for p_patience at most; there a rejection of all is an error, since the call may have several parts.
create function duckdive.record_unique(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[], p_all boolean, p_patience text default null
) returns table (id uuid, run uuid, answer text, let_go bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  at constant bigint := duckdive.moment(p_now);
  shapes constant json[] := array(select shape from json_array_elements(p_shapes) as shape);
  windows constant bigint[] := array(
    select (shapes[number] -> 'unique' ->> 'window')::bigint
    from unnest(p_numbers) with ordinality as each (number, place) order by place
  );
  pending uuid[] := p_ids;
  recorded uuid[] := '{}';
  lost uuid[];
  tried uuid[];
  asked record;
begin
  if p_nonce <> (select nonce from duckdive.meta) then
    return query select null::uuid, null::uuid, null::text;
    return;
  end if;
  if p_patience is not null then perform set_config('lock_timeout', p_patience, true); end if;
  for round in 1 .. 4 loop
    -- Whoever is there already asks for nothing.
    for asked in
      select live.id from duckdive.runs as live where live.id = any(pending)
      union select unnest(duckdive.finished_among(array(
        select one from unnest(p_known) as one where one = any(pending)
      ), at))
    loop
      pending := array_remove(pending, asked.id);
      id := asked.id;
      run := asked.id;
      answer := 'present';
      return next;
    end loop;
    exit when cardinality(pending) = 0;
    perform duckdive.take_windows(
      array_agg(each.id order by each.place), array_agg(each.key order by each.place),
      array_agg(each.length order by each.place), at
    ) from unnest(p_ids, p_keys, windows) with ordinality as each (id, key, length, place) where each.id = any(pending);
    -- What is held by a run in no index of keys shows here: for a time, or again after a while.
    lost := array(
      select distinct each.id from unnest(p_ids, p_keys) as each (id, key)
      where each.id = any(pending) and each.key is not null
        and (
          -- With the offset each is looked up by itself, whatever the statistics say.
          exists (select from duckdive.runs as live where live.unique_key = each.key offset 0)
          or exists (select from duckdive.runs as live where live.unique_idle = each.key and live.unique_while > 0 offset 0)
          or exists (select from duckdive.unique_window as own where own.key = each.key offset 0)
        )
        and duckdive.key_holder(each.key, at) <> each.id
    );
    tried := array(select one from unnest(pending) as one where one <> all(lost));
    lost := lost || array(
      select duckdive.insert_runs(
        array_agg(each.id order by each.place), array_agg(each.input order by each.place),
        array_agg(each.number order by each.place), p_shapes,
        array(select one from unnest(p_known) as one where one = any(tried)), p_is_long, p_now,
        case when round = 1 then p_notice end, null, array_agg(each.key order by each.place)
      )
      from unnest(p_ids, p_inputs, p_numbers, p_keys) with ordinality as each (id, input, number, key, place)
      where each.id = any(tried) having count(*) > 0
    );
    recorded := recorded || array(select one from unnest(tried) as one where one <> all(lost));
    pending := '{}';
    exit when cardinality(lost) = 0;
    select each.id, duckdive.key_holder(each.key, at) as holder into asked
    from unnest(p_ids, p_numbers, p_keys) with ordinality as each (id, number, key, place)
    where p_all and each.id = any(lost) and shapes[each.number] -> 'unique' ->> 'kind' = 'reject'
      and duckdive.key_holder(each.key, at) <> each.id
    order by each.place limit 1;
    if found then
      if p_patience is not null then
        raise exception 'unique % %', asked.id, asked.holder using errcode = 'DD001';
      end if;
      -- What was changed for others before somebody else came in between cannot be taken back.
      if round > 1 then raise exception 'unique keys have changed hands meanwhile' using errcode = '40001'; end if;
      perform duckdive.take_back(recorded || lost, recorded, p_keys);
      id := asked.id;
      run := asked.holder;
      answer := 'rejected';
      return next;
      return;
    end if;
    for asked in
      select each.*, shapes[each.number] as shape
      from unnest(p_ids, p_inputs, p_numbers, p_keys) with ordinality as each (id, input, number, key, place)
      where each.id = any(lost) order by each.key, each.place
    loop
      id := asked.id;
      run := duckdive.key_holder(asked.key, at);
      answer := null;
      let_go := null;
      if run <> asked.id and asked.shape -> 'unique' ->> 'kind' = 'reject' then
        answer := 'rejected';
      elsif run <> asked.id then
        select met.answer, met.let_go into answer, let_go
        from duckdive.meet(asked.key, run, asked.shape, asked.input, at) as met;
      elsif asked.key is not null and run is null then
        perform duckdive.free_key(asked.key);
      end if;
      if answer is null then pending := pending || asked.id; else return next; end if;
    end loop;
    perform duckdive.take_back(lost, '{}', p_keys);
    exit when cardinality(pending) = 0;
  end loop;
  if cardinality(pending) > 0 then
    raise exception 'unique keys change hands faster than they can be asked for' using errcode = '40001';
  end if;
end $$;

-- Takes back the windows of these runs, and what was recorded of those.
create function duckdive.take_back(p_ids uuid[], p_recorded uuid[], p_keys uuid[]) returns void
language plpgsql volatile as $$
begin
  delete from duckdive.unique_window where key = any(p_keys) and run = any(p_ids);
  if cardinality(p_recorded) = 0 then return; end if;
  delete from duckdive.runs where runs.id = any(p_recorded);
  delete from duckdive.body where body.run = any(p_recorded);
end $$;

-- Gives a run that was recorded without its definition its key, unless another one holds it, which is the answer. The
-- run is locked.
create function duckdive.take_key(p_run duckdive.runs, p_key uuid, p_rule json, p_at bigint) returns uuid
language plpgsql volatile as $$
declare
  states constant smallint := coalesce((p_rule ->> 'while')::smallint, 0::smallint);
  held constant boolean := states & duckdive.state_bit(case when p_run.run_at > p_at then 'scheduled' else 'ready' end) <> 0;
  holder uuid;
begin
  for round in 1 .. 4 loop
    holder := duckdive.key_holder(p_key, p_at);
    if holder is null then
      perform duckdive.free_key(p_key);
      perform duckdive.take_windows(array[p_run.id], array[p_key], array[(p_rule ->> 'window')::bigint + p_run.requested_at - p_at], p_at);
      begin
        update duckdive.runs set
          unique_key = case when held then p_key end, unique_idle = case when not held then p_key end, unique_while = states
        where id = p_run.id;
        holder := duckdive.key_holder(p_key, p_at);
        return nullif(holder, p_run.id);
      exception when unique_violation then
        -- Somebody has just got it.
        continue;
      end;
    end if;
    return nullif(holder, p_run.id);
  end loop;
  raise exception 'unique keys change hands faster than they can be asked for' using errcode = '40001';
end $$;

-- Ends a run whose key is held by another, which gets of it what its rule says.
create function duckdive.give_way(p_run duckdive.runs, p_holder uuid, p_key uuid, p_item json, p_at bigint) returns void
language plpgsql volatile as $$
begin
  perform duckdive.meet(
    p_key, p_holder, (p_item::jsonb || jsonb_build_object('due_at', p_run.run_at))::json, p_item ->> 'input', p_at
  );
  perform duckdive.append_event(
    p_run.id, 'cancelled', json_build_object('reason', 'duplicate', 'of', p_holder), p_run.attempt, p_run.seq, null, p_at
  );
  perform duckdive.end_run(p_run.id, 'cancelled', 'duplicate', null, null, null, 0, 0, null, null, p_at);
end $$;

-- Settles executions of runs with unique keys, or that are followed by others. A transaction of the application may have
-- locked a run's row, to change it, and may stay open for long: such a run is passed by and answered 'busy', and its
-- settlement comes again by itself. A settlement never waits for an application.
create function duckdive.settle_with(p_items json, p_done uuid[], p_now bigint) returns text[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  runs constant uuid[] := array(select (item ->> 'run')::uuid from json_array_elements(p_items) as item);
  locked uuid[];
  busy uuid[];
  places integer[];
  answers text[] := array_fill(null::text, array[json_array_length(p_items)]);
  given text[];
begin
  -- What follows may have a key that an application's transaction has: for that it waits a moment only, and comes again.
  perform set_config('lock_timeout', '100ms', true);
  locked := array(select live.id from duckdive.runs as live where live.id = any(runs) order by live.id for update skip locked);
  busy := array(select live.id from duckdive.runs as live where live.id = any(runs) and live.id <> all(locked));
  places := array(select place from unnest(runs) with ordinality as each (run, place) where run <> all(busy) order by place);
  given := duckdive.settle(
    (select coalesce(json_agg(p_items -> (place - 1) order by place), '[]') from unnest(places) as place), p_done, p_now
  );
  for i in 1 .. cardinality(places) loop
    answers[places[i]] := given[i];
    if given[i] is not null then perform duckdive.follow(p_items -> (places[i] - 1) -> 'follow', p_now); end if;
  end loop;
  for i in 1 .. cardinality(runs) loop
    if runs[i] = any(busy) then answers[i] := 'busy'; end if;
  end loop;
  return answers;
end $$;

-- Records the runs that follow a settlement, in its transaction. Nobody is there to be refused.
create function duckdive.follow(p_runs json, p_now bigint) returns void
language plpgsql volatile as $$
begin
  if p_runs is null then return; end if;
  perform duckdive.record_unique(
    (p_runs ->> 'ids')::uuid[], (p_runs ->> 'inputs')::text[], (p_runs ->> 'numbers')::integer[], p_runs -> 'shapes',
    (p_runs ->> 'known')::uuid[], (p_runs ->> 'isLong')::boolean, p_now, null, null, (p_runs ->> 'keys')::uuid[], false
  );
end $$;

-- Records runs; answers those ids that were there already, live or finished, and those whose unique key somebody has.
--
-- Most runs of a batch are alike but for their id, input and unique key, so what they share comes once, as a shape, and each
-- run names its shape by number. p_known are those whose id may have been sent before: only they are looked for among what
-- has ended. p_is_long says that some input is too long to stand in its run. p_keys are hashes of unique keys.
--
-- The lane is looked up and not made: making one takes a lock. Whoever calls makes it before, over a connection of his
-- own; where it is not seen all the same, the run is recorded as scheduled for now, and the next promotion makes the lane.
--
-- A run with gates, or one of those that are shared out fairly, has a lane of its own kind. One of a job that was rerouted
-- goes to that queue.
--
-- With p_nonce, the word of the database that is meant, nothing is recorded in another one, and the answer is null.
drop function duckdive.insert_runs(uuid[], text[], integer[], json, uuid[], boolean, bigint, text, text);

create function duckdive.insert_runs(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[] default null
) returns setof uuid
language plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  at constant bigint := duckdive.moment(p_now);
  added uuid[];
  finished uuid[] := '{}';
begin
  if p_nonce <> (select nonce from duckdive.meta) then return query select null::uuid; return; end if;
  with shape as materialized (
    select one.*, home.queue as home, lane.id as lane, coalesce((one."unique" ->> 'while')::smallint, 0::smallint) as unique_while, kind.gate_keys, kind.gate_limits, own.run_at, own.state, duckdive.due_of(
        own.state, own.run_at, at + one.start_within, null, at + one.finish_within, at
      ) as due
    from rows from (
      json_to_recordset(p_shapes) as (
        job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
        start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release,
      gates, fair, "unique", number
    )
    cross join lateral (
      -- Kept from being worked out once for each place where it is named.
      select duckdive.keys_of(one.gates) as gate_keys, duckdive.limits_of(one.gates) as gate_limits offset 0
    ) as kind
    cross join lateral (
      select coalesce((select reroute.queue from duckdive.reroute where reroute.job = one.job), one.queue) as queue
    ) as home
    left join duckdive.lane
      on lane.queue = home.queue and lane.priority = one.priority and lane.route = '' and not lane.front
      and lane.gated = (kind.gate_keys is not null) and lane.fair = (one.fair is not null)
    cross join lateral (
      select case when one.due_at is not null then one.due_at when one.due_after is not null then at + one.due_after else at end
        as run_at
    ) as start
    cross join lateral (
      select start.run_at, case when one.waiting is not null then 'waiting'
        when start.run_at > at or lane.id is null then 'scheduled' else 'ready' end as state
    ) as own
  ), recorded as (
    insert into duckdive.runs (
      id, lane, state, wait_reason, job, version, queue, priority, requested_at, run_at,
      start_within, finish_within, start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair, seq, unique_key, unique_idle, unique_while
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, home, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release,
      case when gate_keys is not null then gates end, gate_keys, gate_limits, fair, asked.seq,
      case when unique_while & duckdive.state_bit(shape.state) <> 0 then asked.key end,
      case when unique_while & duckdive.state_bit(shape.state) = 0 then asked.key end,
      case when asked.key is not null then unique_while end
    from (
      -- Numbered as they were asked for, and recorded in the order of their keys: so two that record the same wait for each
      -- other at the first of them and not crosswise.
      select *, nextval('duckdive.seq') as seq
      from unnest(p_ids, p_inputs, p_numbers, p_keys) with ordinality as each (id, input, number, key, place)
    ) as asked
    join shape on shape.number = asked.number
    order by asked.key, asked.seq
    on conflict do nothing
    returning id
  )
  select array_agg(id) into added from recorded;
  added := coalesce(added, '{}');
  if cardinality(p_known) > 0 then
    -- A snapshot that is older than a run's end shows it beside the new one, and not what it became.
    if current_setting('transaction_isolation') <> 'read committed' and exists (
      select from duckdive.runs where id = any(p_known) group by id having count(*) > 1
    ) then
      raise exception 'a run that is enqueued again has ended since this transaction began' using errcode = '40001';
    end if;
    -- In a statement of its own: what was live when the insert looked may have finished since, and is seen here.
    finished := duckdive.finished_among(p_known, at);
    if cardinality(finished) > 0 then delete from duckdive.runs where id = any(finished) and id = any(added); end if;
  end if;
  if p_is_long then
    insert into duckdive.body (run, input)
    select asked.id, asked.input from unnest(p_ids, p_inputs) as asked (id, input)
    where duckdive.is_long(asked.input) and asked.id = any(added) and asked.id <> all(finished)
    on conflict (run) do nothing;
  end if;
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  if cardinality(added) = cardinality(p_ids) and cardinality(finished) = 0 then return; end if;
  return query
  select id from unnest(p_ids) as id where id <> all(added)
  union all select unnest(finished);
end $$;

-- Ends the waiting of runs that were recorded without their definition: ready, scheduled, or failed. One whose unique key
-- somebody has is cancelled, having changed that one as its rule says. One whose key an application's transaction has just
-- recorded, which is still open, goes on waiting: it is prepared another time.
create or replace function duckdive.prepare_runs(p_items json, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  run duckdive.runs;
  holder uuid;
  patience constant text := current_setting('lock_timeout');
begin
  for item in
    select * from json_to_recordset(p_items) as item (
      id uuid, invalid json, keep bigint, job text, version integer, queue text, priority smallint, input text,
      start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json, unique_key uuid
    )
    order by id
  loop
    select * into run from duckdive.runs
    where id = item.id and state = 'waiting' and wait_reason = 'preparation' for update;
    continue when not found;
    if item.invalid is not null then
      perform duckdive.append_event(run.id, 'failed', item.invalid, run.attempt, run.seq, null, at);
      perform duckdive.end_run(run.id, 'failed', 'invalid-input', null, item.invalid::text, item.keep, 0, 0, null, null, at);
      return next run.id;
      continue;
    end if;
    if item.unique_key is not null then
      begin
        perform set_config('lock_timeout', '100ms', true);
        holder := duckdive.take_key(run, item.unique_key, item."unique", at);
        if holder is not null then perform duckdive.give_way(run, holder, item.unique_key, row_to_json(item), at); end if;
        perform set_config('lock_timeout', patience, true);
      exception when lock_not_available then
        continue;
      end;
      if holder is not null then
        return next run.id;
        continue;
      end if;
    end if;
    perform duckdive.append_event(run.id, 'prepared', null, run.attempt, run.seq, null, at);
    if duckdive.is_long(item.input) then
      insert into duckdive.body (run, input) values (run.id, item.input)
      on conflict (run) do update set input = excluded.input;
    end if;
    update duckdive.runs set
      job = item.job, version = item.version,
      queue = coalesce((select reroute.queue from duckdive.reroute where reroute.job = item.job), item.queue), priority = item.priority,
      body = case when duckdive.is_long(item.input) then 1 else 0 end,
      input = case when not duckdive.is_long(item.input) then item.input::json end,
      start_within = item.start_within, finish_within = item.finish_within,
      start_by = requested_at + item.start_within, finish_by = requested_at + item.finish_within,
      tags = coalesce(item.tags, tags), meta = coalesce(item.meta, meta), release = coalesce(item.release, release),
      gates = item.gates, gate_keys = duckdive.keys_of(item.gates), gate_limits = duckdive.limits_of(item.gates), fair = item.fair
    where id = run.id;
    perform duckdive.rest_run(
      run.id, case when run.run_at > at then 'scheduled' else 'ready' end, run.run_at, '', null, null, null, 0, 0, null, false, at
    );
  end loop;
end $$;

-- Moves a run to history. The caller has made sure, under the run's row lock, that it is where he believes.
-- p_attempts and p_crashes are added; without p_keep it is kept for 90 days. Only what was said last stays as its error.
create or replace function duckdive.end_run(
  p_id uuid, p_state text, p_reason text, p_output text, p_error text, p_keep bigint, p_attempts integer,
  p_crashes integer, p_started_at bigint, p_worker text, p_now bigint
) returns void
language plpgsql volatile as $$
declare
  live duckdive.runs;
  keep constant bigint := coalesce(p_keep, 7776000000);
begin
  delete from duckdive.runs where id = p_id returning * into live;
  if duckdive.is_long(p_output) or duckdive.is_long(p_error) then
    insert into duckdive.body (run, output, error)
    values (
      p_id, case when duckdive.is_long(p_output) then p_output end, case when duckdive.is_long(p_error) then p_error end
    )
    on conflict (run) do update set output = excluded.output, error = excluded.error;
  end if;
  insert into duckdive.history (
    id, keep_class, finished_at, expires_at, state, reason, token, worker, job, version, queue, priority, attempt, crashes,
    requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
    tags, meta, release, gates, fair,
    unique_key, unique_while
  ) values (
    p_id, duckdive.class_of(keep), p_now, p_now + keep, p_state, p_reason, live.seq, p_worker, live.job, live.version,
    live.queue, live.priority, live.attempt + p_attempts, live.crashes + p_crashes, live.requested_at, live.run_at,
    coalesce(p_started_at, live.started_at), live.start_within, live.finish_within, live.start_by, live.finish_by,
    (live.body & 1) | case when duckdive.is_long(p_output) then 2 else 0 end
      | case when duckdive.is_long(p_error) then 4 else 0 end,
    live.input, case when not duckdive.is_long(p_output) then p_output::json end,
    case when not duckdive.is_long(p_error) then p_error::json end, live.tags, live.meta, live.release,
    live.gates, live.fair,
    coalesce(live.unique_key, live.unique_idle), live.unique_while
  );
end $$;

-- Makes failed and cancelled runs ready again, as if they had been asked for now, unless another run holds their key.
-- Answers for each whether it did.
create or replace function duckdive.retry(p_ids uuid[], p_now bigint) returns boolean[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  answers boolean[] := array_fill(false, array[cardinality(p_ids)]);
  item record;
  run duckdive.history;
begin
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    select * into run from duckdive.history where id = item.id and state in ('failed', 'cancelled') for update;
    continue when not found;
    if run.unique_key is not null then
      continue when duckdive.key_holder(run.unique_key, at) is distinct from run.id
        and duckdive.key_holder(run.unique_key, at) is not null;
      perform duckdive.free_key(run.unique_key);
    end if;
    insert into duckdive.runs (
      id, lane, state, job, version, queue, priority, requested_at, run_at, start_within, finish_within,
      start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair,
      unique_key, unique_idle, unique_while
    ) values (
      run.id, duckdive.lane_for(run.queue, run.priority, '', false, run.gates is not null, run.fair is not null), 'ready', run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release,
      run.gates, duckdive.keys_of(run.gates), duckdive.limits_of(run.gates), run.fair,
      case when run.unique_while & duckdive.state_bit('ready') <> 0 then run.unique_key end,
      case when run.unique_while & duckdive.state_bit('ready') = 0 then run.unique_key end, run.unique_while
    ) on conflict do nothing;
    -- Somebody else got the key in between.
    continue when not found;
    delete from duckdive.history where id = item.id;
    perform duckdive.append_event(run.id, 'retried', null, run.attempt, run.token, null, at);
    answers[item.number] := true;
  end loop;
  return answers;
end $$;

-- Makes ready, or scheduled if it was given a later time, whatever waits for this reason on this name, the longest due
-- first. What waited for a worker keeps that as its route, so that an older worker does not take it once more. The caller
-- excludes whoever parks. What an application's transaction has locked is left to unpark_left.
create or replace function duckdive.unpark(p_reason text, p_on text, p_now bigint) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = off set enable_mergejoin = off as $$
declare
  unparked integer;
begin
  with waiting as materialized (
    select id, nextval('duckdive.seq') as seq
    from (
      select id from duckdive.runs
      where state = 'waiting' and wait_reason = p_reason and wait_on = p_on order by run_at, id for update skip locked
    ) as run
  ), kinds as materialized (
    select queue, priority, route, gated, fair, duckdive.lane_for(queue, priority, route, true, gated, fair) as lane
    from (
      select distinct queue, priority, case when p_reason = 'worker' then p_on else route end as route,
        gate_keys is not null as gated, fair is not null as fair
      from duckdive.runs where state = 'waiting' and wait_reason = p_reason and wait_on = p_on
    ) as kind
  ), told as (
    insert into duckdive.event (run, at, kind, attempt, token, detail)
    select run.id, p_now, 'unparked', run.attempt, run.seq, json_build_object('reason', p_reason, 'on', p_on)
    from duckdive.runs as run join waiting on waiting.id = run.id
  )
  update duckdive.runs as run set
    state = case when run.run_at > p_now then 'scheduled' else 'ready' end,
    lane = case when run.run_at <= p_now then kinds.lane end, route = kinds.route, xid = pg_current_xact_id(), seq = waiting.seq,
    wait_reason = null, wait_on = null, due = duckdive.due_of(
      case when run.run_at > p_now then 'scheduled' else 'ready' end, run.run_at, run.start_by, run.started_at,
      run.finish_by, p_now
    )
  from waiting, kinds
  where run.id = waiting.id and kinds.queue = run.queue and kinds.priority = run.priority
    and kinds.gated = (run.gate_keys is not null) and kinds.fair = (run.fair is not null)
    and kinds.route = case when p_reason = 'worker' then p_on else run.route end;
  get diagnostics unparked = row_count;
  return unparked;
end $$;

-- Locks the rows of runs for somebody who holds lanes. A transaction of the application that changes one of them may have it
-- for long, and every claim would wait behind whoever waits for that: so he gives up soon, and comes again.
create function duckdive.lock_rows(p_ids uuid[]) returns void
language plpgsql volatile as $$
declare
  before constant text := current_setting('lock_timeout');
begin
  perform set_config('lock_timeout', '100ms', true);
  perform from duckdive.runs where id = any(p_ids) order by id for update;
  perform set_config('lock_timeout', before, true);
end $$;

-- Ends runs that are not running, asks for the end of those that are. Answers for each: 'ended', 'asked', or null.
create or replace function duckdive.cancel(p_ids uuid[], p_reason text, p_now bigint) returns text[]
language plpgsql volatile as $$
declare
  lanes integer[];
  at constant bigint := duckdive.now_or(p_now);
  answers text[] := array_fill(null::text, array[cardinality(p_ids)]);
  held_runs uuid[];
  held_workers text[];
  place integer;
  item record;
  run duckdive.runs;
begin
  lanes := duckdive.lock_lanes_of(p_ids);
  -- The rows before who has them: a settlement under way is waited for, and what it made of its run counts.
  perform duckdive.lock_rows(p_ids);
  if exists (select from duckdive.runs where id = any(p_ids) and lane is not null and lane <> all(lanes)) then
    raise exception 'a run came into another lane before it was locked' using errcode = '40001';
  end if;
  select array_agg(id), array_agg(worker) into held_runs, held_workers
  from duckdive.held where id = any(p_ids);
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    select * into run from duckdive.runs as live where live.id = item.id and live.cancel_asked is null for update;
    continue when not found;
    place := array_position(held_runs, run.id);
    if place is not null then
      perform duckdive.append_event(
        run.id, 'cancelAsked', json_build_object('reason', p_reason), run.attempt + 1, run.seq, held_workers[place], at
      );
      update duckdive.runs set cancel_asked = p_reason where id = run.id;
      answers[item.number] := 'asked';
      continue;
    end if;
    perform duckdive.append_event(
      run.id, 'cancelled', json_build_object('reason', p_reason), run.attempt, run.seq, null, at
    );
    perform duckdive.end_run(run.id, 'cancelled', p_reason, null, null, null, 0, 0, null, null, at);
    answers[item.number] := 'ended';
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  return answers;
end $$;

-- Removes runs that are not running. Answers for each: 'live', 'ended', or null.
create or replace function duckdive.remove(p_ids uuid[]) returns text[]
language plpgsql volatile as $$
declare
  lanes integer[];
  answers text[] := array_fill(null::text, array[cardinality(p_ids)]);
  running uuid[];
  item record;
begin
  lanes := duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
  running := array(select id from duckdive.held where id = any(p_ids));
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.runs as run
    where run.id = item.id and run.id <> all(running);
    if found then
      answers[item.number] := 'live';
    else
      delete from duckdive.history where id = item.id;
      if found then answers[item.number] := 'ended'; end if;
    end if;
    if answers[item.number] is not null then perform duckdive.forget(array[item.id]); end if;
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  return answers;
end $$;

-- Removes runs that still are what somebody has read. Answers which. First the lanes, then the rows, are held, so that
-- what is compared here is what is removed.
create or replace function duckdive.release(p_ids uuid[], p_tokens bigint[], p_states text[]) returns uuid[]
language plpgsql volatile as $$
declare
  same uuid[];
begin
  perform duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
  perform from duckdive.history where id = any(p_ids) order by id for update;
  same := array(
    select own.id from duckdive.stored(p_ids) as own
    join unnest(p_ids, p_tokens, p_states) as asked (id, token, state) on asked.id = own.id
    where own.token = asked.token and own.state = asked.state
  );
  return array(
    select gone.id from unnest(same, duckdive.remove(same)) as gone (id, answer) where gone.answer is not null
  );
end $$;

-- Gives back what a worker holds under claims that it knows nothing of. Nobody has executed anything of it. What an
-- application's transaction has locked stays where it is until the worker asks again.
create or replace function duckdive.give_back(p_worker text, p_claims uuid[], p_now bigint) returns integer
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
      where live.id = any(claim.runs) and live.seq = any(claim.seqs) order by live.id for update skip locked
    loop
      perform duckdive.append_event(
        one.id, 'handedBack', json_build_object('cause', 'its claim was never answered'), one.attempt + 1, one.seq,
        p_worker, at
      );
      perform duckdive.rest_run(one.id, 'ready', one.run_at, one.route, null, null, null, 0, 0, null, true, at);
      given := given + 1;
    end loop;
    if not exists (
      select from duckdive.runs as live where live.id = any(claim.runs) and live.seq = any(claim.seqs)
    ) then
      delete from duckdive.claims as own where own.id = claim.id;
    end if;
  end loop;
  return given;
end $$;

-- Which of these executions are somebody else's by now: their run is live under another seq.
create function duckdive.superseded(p_runs uuid[], p_tokens bigint[]) returns uuid[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  return array(
    select live.id from duckdive.runs as live join unnest(p_runs, p_tokens) as held (run, token) on held.run = live.id
    where live.id = any(p_runs) and live.seq <> held.token
  );
end $$;

-- Makes ready what should be ready long since: what was passed by when it was to be, because an application's transaction
-- had its row. Answers whether there was anything.
create function duckdive.unpark_left(p_now bigint) returns boolean
language plpgsql volatile as $$
declare
  left_behind record;
  unparked integer := 0;
begin
  if not exists (select from duckdive.left_behind()) then return false; end if;
  perform pg_advisory_xact_lock('duckdive.runs'::regclass::oid::integer, 0);
  for left_behind in select * from duckdive.left_behind() loop
    unparked := unparked + duckdive.unpark(left_behind.reason, left_behind.name, duckdive.moment(p_now));
  end loop;
  return unparked > 0;
end $$;

-- What runs wait for although it is there. Index: runs_waiting.
create function duckdive.left_behind() returns table (reason text, name text)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return query
  select kind.wait_reason, kind.wait_on from (
    select distinct run.wait_reason, run.wait_on from duckdive.runs as run
    where run.state = 'waiting' and run.wait_reason in ('worker', 'paused')
  ) as kind
  where case when kind.wait_reason = 'worker' then duckdive.is_able(kind.wait_on)
    else not exists (select from duckdive.pause where pause.kind = 'job' and pause.name = kind.wait_on) end;
end $$;

-- What a claim holds, without what was cancelled or replaced since.
drop function duckdive.claimed(uuid);
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean, gate_keys bigint[], rate_keys bigint[], is_unique boolean
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  held duckdive.claims;
  paused text[];
begin
  select * into held from duckdive.claims as claim where claim.id = p_claim;
  paused := array(select name from duckdive.pause where kind = 'job');
  return query
  with part as materialized (
    select part.id, part.seq from unnest(held.runs, held.seqs) as part (id, seq)
  )
  select run.id, run.seq, run.job, run.version, run.queue, run.priority,
    case when run.body & 1 = 1 then (select body.input from duckdive.body where body.run = run.id) else run.input::text end,
    run.attempt + 1, run.crashes, run.requested_at, run.run_at,
    held.at,
    case when run.started_at is null then run.start_by end, run.finish_by,
    run.tags::text, run.meta::text, run.job = any(paused),
    run.gate_keys,
    case when 0 > any(run.gate_limits) then array(
      select one.key from unnest(run.gate_keys, run.gate_limits) as one (key, room) where one.room < 0
    ) end,
    run.unique_while is not null
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
end $$;

drop function duckdive.record_ticks(
  text, bigint, bigint, boolean, json, integer, uuid[], text[], integer[], json, boolean, text, bigint
);

-- Records ticks with their runs and moves the schedule on, if it still stands where the worker has read it: answers null
-- when it does not, and otherwise whether the runs were left out, since one that it made before has not ended.
create function duckdive.record_ticks(
  p_schedule text, p_expected bigint, p_next bigint, p_unless_running boolean, p_ticks json, p_kept integer,
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_is_long boolean, p_notice text, p_now bigint, p_keys uuid[] default null
) returns boolean
language plpgsql volatile as $$
declare
  moment constant bigint := duckdive.moment(p_now);
  known duckdive.schedule;
  skipped boolean;
  total bigint;
  means jsonb := '{}';
begin
  select * into known from duckdive.schedule where name = p_schedule for update;
  if not found then return null; end if;
  if p_expected is not null and (
    known.next_at is distinct from p_expected or known.paused_at is not null or known.retired_at is not null
  ) then return null; end if;
  -- A trigger whose answer was lost is sent again: what it recorded is there.
  if p_expected is null and exists (
    select from duckdive.tick where tick.schedule = p_schedule and tick.run = any(p_ids)
  ) then return false; end if;
  skipped := p_unless_running and cardinality(p_ids) > 0 and exists (
    select from duckdive.tick join duckdive.runs as run on run.id = tick.run where tick.schedule = p_schedule
  );
  if not skipped and cardinality(p_ids) > 0 then
    if p_keys is null then
      perform duckdive.insert_runs(p_ids, p_inputs, p_numbers, p_shapes, p_ids, p_is_long, p_now, p_notice, null);
    else
      -- Where a unique key is held, it is the run that holds it.
      select coalesce(jsonb_object_agg(met.id, met.run), '{}') into means from duckdive.record_unique(
        p_ids, p_inputs, p_numbers, p_shapes, p_ids, p_is_long, p_now, p_notice, null, p_keys, false
      ) as met;
    end if;
  end if;
  insert into duckdive.tick (schedule, number, at, until, count, outcome, run, note, recorded_at)
  select p_schedule, known.ticks + one.place, one.at, one.until, coalesce(one.count, 1),
    case when skipped and one.run is not null then 'skipped' else one.outcome end,
    case when not skipped then coalesce((means ->> one.run::text)::uuid, one.run) end, one.note, moment
  from rows from (
    json_to_recordset(p_ticks) as (at bigint, until bigint, count integer, outcome text, run uuid, note text)
  ) with ordinality as one (at, until, count, outcome, run, note, place);
  total := known.ticks + json_array_length(p_ticks);
  delete from duckdive.tick where schedule = p_schedule and number <= total - p_kept;
  update duckdive.schedule set ticks = total, next_at = case when p_expected is null then known.next_at else p_next end
  where name = p_schedule;
  return skipped;
end $$;

-- Ends an execution, having written what it said, and records what follows it. Answers the state its run is in by that,
-- 'refused', or 'elsewhere'.
create or replace function duckdive.settle_in(
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
  if answer is not null then perform duckdive.follow(p_item -> 'follow', p_now); end if;
  if answer is not null and p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  return coalesce(answer, 'refused');
end $$;

-- Removes windows that are over, but for those that an application's transaction is taking anew. Index: unique_window_until.
create function duckdive.prune_windows(p_now bigint) returns void
language sql volatile as $$
  delete from duckdive.unique_window where key = any(array(
    select key from duckdive.unique_window where until <= duckdive.now_or(p_now) order by until limit 10000 for update skip locked
  ))
$$;
`,
  },
  {
    number: 17,
    name: "hand",
    sql: `-- What people change while everything runs: runs, the queue of a job, the slots of a queue; and what is counted for them.

-- The queue that runs of a job are recorded in, whatever their definition says.
create table duckdive.reroute (
  job text primary key,
  queue text not null
);

-- The slots that somebody has set for a queue in all workers.
create table duckdive.queue_slots (
  queue text primary key,
  slots integer not null check (slots >= 0)
);

-- Counts by the minute, as workers tell them. The minute comes first: so it is read and pruned.
create table duckdive.tally (
  minute bigint not null,
  queue text not null,
  job text not null,
  succeeded bigint not null default 0,
  failed bigint not null default 0,
  cancelled bigint not null default 0,
  retried bigint not null default 0,
  waited bigint not null default 0,
  ran bigint not null default 0,
  primary key (minute, queue, job)
);

alter table duckdive.definition add column events json; -- what it is enqueued for

-- The slots that were set, by queue.
create function duckdive.slots_by_queue() returns json
language sql stable as $$ select coalesce(json_object_agg(queue, slots), '{}') from duckdive.queue_slots $$;

-- The input of a run, and its error, wherever they stand.
create function duckdive.input_of(p_run uuid, p_body smallint, p_input json) returns text
language sql stable as $$
  select case when p_body & 1 = 1 then (select input from duckdive.body where run = p_run) else p_input::text end
$$;

create function duckdive.error_of(p_run uuid, p_body smallint, p_error json) returns json
language sql stable as $$
  select case when p_body & 4 = 4 then (select error::json from duckdive.body where run = p_run) else p_error end
$$;

-- Whether an error has one of these names or codes.
create function duckdive.is_called(p_error json, p_names text[]) returns boolean
language sql immutable as $$
  select coalesce(p_error ->> 'name' = any(p_names), false) or coalesce(p_error ->> 'code' = any(p_names), false)
$$;

-- Gives runs that are not running another queue, priority or start. Answers for each whether it did.
--
-- They keep the age they had, so those that are ready stand in front of what is younger. Under the lanes' locks, as
-- everything that changes a ready run. p_change: queue, priority, due_at or due_after.
create function duckdive.change(p_ids uuid[], p_change json, p_now bigint) returns boolean[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  lanes integer[];
  running uuid[];
  changed uuid[] := '{}';
  run duckdive.runs;
  one record;
begin
  select queue, priority, coalesce(due_at, at + due_after) as run_at into one
  from json_to_record(p_change) as asked (queue text, priority smallint, due_at bigint, due_after bigint);
  lanes := duckdive.lock_lanes_of(p_ids);
  -- The rows before who has them: a settlement under way is waited for, and what it made of its run counts.
  perform duckdive.lock_rows(p_ids);
  if exists (select from duckdive.runs where id = any(p_ids) and lane is not null and lane <> all(lanes)) then
    raise exception 'a run came into another lane before it was locked' using errcode = '40001';
  end if;
  running := array(select id from duckdive.held where id = any(p_ids));
  for run in
    select * from duckdive.runs as live
    where live.id = any(p_ids) and live.id <> all(running) order by live.run_at, live.xid, live.seq
  loop
    perform duckdive.append_event(
      run.id, 'changed',
      json_strip_nulls(json_build_object('queue', one.queue, 'priority', one.priority, 'runAt', one.run_at)),
      run.attempt, run.seq, null, at
    );
    perform duckdive.move_run(run, coalesce(one.queue, run.queue), coalesce(one.priority, run.priority), coalesce(one.run_at, run.run_at), at);
    changed := changed || run.id;
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  return array(select id = any(changed) from unnest(p_ids) with ordinality as i (id, number) order by number);
end $$;

-- Gives a run that rests another place. The lock of its lane is held, so no claim has it and none can be under way: it
-- keeps its seq. What waits for something else than time goes on waiting; but one in line at a gate, where its place
-- follows from what is changed, is put there again by its next claim.
create function duckdive.move_run(
  p_run duckdive.runs, p_queue text, p_priority smallint, p_run_at bigint, p_at bigint
) returns void
language plpgsql volatile as $$
declare
  is_moved constant boolean := (p_priority, p_run_at) <> (p_run.priority, p_run.run_at);
  new_state constant text := case
    when p_run.state = 'waiting' and (p_run.parked_on is null or not is_moved) then 'waiting'
    when p_run_at > p_at then 'scheduled' else 'ready' end;
begin
  update duckdive.runs set
    queue = p_queue, priority = p_priority, run_at = p_run_at, state = new_state,
    lane = case when new_state = 'ready' then duckdive.lane_for(
      p_queue, p_priority, route, p_run_at < p_at, gate_keys is not null, fair is not null
    ) end,
    xid = pg_current_xact_id(),
    wait_reason = case when new_state = 'waiting' then wait_reason end,
    wait_on = case when new_state = 'waiting' then wait_on end,
    parked_on = case when new_state = 'waiting' then parked_on end,
    -- A place that it was handed waits for its claim; a later one does not take it along.
    holds = case when new_state = 'ready' then holds else duckdive.kept_among(holds, started_at, gates) end,
    due = case when new_state = 'waiting' and parked_on is not null then due
      else duckdive.due_of(new_state, p_run_at, start_by, started_at, finish_by, p_at) end
  where id = p_run.id;
end $$;

-- From now on runs of a job are recorded in that queue; null: no more so. Whoever records them makes no lane, so those
-- that may be needed are made here: of each kind that there is.
create function duckdive.set_reroute(p_job text, p_queue text) returns void
language plpgsql volatile as $$
begin
  if p_queue is null then
    delete from duckdive.reroute where job = p_job;
    return;
  end if;
  insert into duckdive.reroute (job, queue) values (p_job, p_queue)
  on conflict (job) do update set queue = excluded.queue;
  perform duckdive.lane_for(p_queue, kind.priority, '', false, kind.gated, kind.fair)
  from (select distinct priority, gated, fair from duckdive.lane order by priority, gated, fair) as kind;
end $$;

-- Every worker that draws from a queue does so with so many slots; null: with its own.
create function duckdive.set_slots(p_queue text, p_slots integer) returns void
language plpgsql volatile as $$
begin
  if p_slots is null then
    delete from duckdive.queue_slots where queue = p_queue;
  else
    insert into duckdive.queue_slots (queue, slots) values (p_queue, p_slots)
    on conflict (queue) do update set slots = excluded.slots;
  end if;
end $$;

-- Removes counts that are older than 30 days. Index: the primary key.
create function duckdive.prune_tallies(p_now bigint) returns void
language sql volatile as $$ delete from duckdive.tally where minute < duckdive.now_or(p_now) - 2592000000 $$;
`,
  },
  {
    number: 18,
    name: "durable",
    sql: `-- Durable work: what handlers recorded, the runs they started, what they wait for, and signals.
--
-- What a run settles of another run (a child the call of its parent) needs that run's row, and an application's transaction
-- may have it for long. So nobody waits for it: who finds it locked leaves an errand behind, in the same transaction, and
-- errands are done directly behind that and again by every promotion. Whoever ends the children of a run holds lanes, which
-- come before rows: that is an errand always. No row is waited for while another one is held, so nothing can go in a circle.

alter table duckdive.runs
  -- What it has to do with durable work: 1 it has recorded something, 2 it has children, 4 it has a parent, 8 it goes on when
  -- that ends. Most have nothing to do with it, and are claimed and ended without looking any further.
  add column durable smallint not null default 0,
  add column parent uuid,
  add column parent_entry text,    -- the call of it that this run was started by
  add column awaits text,          -- the names that it waits for; not in wait_on, since a list may be too long for an index
  add column wake_at bigint;       -- when the first of those is due; null: only an event wakes it

alter table duckdive.history
  add column durable smallint not null default 0,
  add column parent uuid,
  add column parent_entry text;

-- The children that have not ended.
create index runs_child on duckdive.runs (parent, parent_entry) where parent is not null;
create index history_parent on duckdive.history (parent) where parent is not null;

alter table duckdive.entry
  add column number bigint,        -- the order in which waits for one signal were made
  add column written_at bigint;    -- when it settled, or was last written before that
create index entry_position on duckdive.entry (run, position) where position is not null;
create index entry_signal on duckdive.entry (run, hash, number) where state = 'pending' and kind = 'signal';

-- The children of a call, for as long as that is remembered.
create table duckdive.child (
  parent uuid not null,
  entry text not null,
  run uuid not null,
  primary key (parent, entry, run)
);

-- Signals in the order in which they came.
create table duckdive.signal (
  number bigint primary key default nextval('duckdive.seq'),
  id text not null unique,         -- given by the sender: delivered once
  run uuid,                        -- the run that it is for; null: the next one that gets the key
  key uuid,                        -- a hash of the unique key that it was sent to
  name text not null,
  payload text,
  received_at bigint not null,
  taken boolean not null default false
);

create index signal_waiting on duckdive.signal (run, name, number) where not taken;
create index signal_run on duckdive.signal (run) where run is not null;
create index signal_key on duckdive.signal (key) where run is null;
create index signal_received on duckdive.signal (received_at);

-- What is to be done behind a commit.
create table duckdive.errand (
  number bigint primary key default nextval('duckdive.number'),
  kind text not null check (kind in ('tell', 'end', 'deliver', 'bind')),
  subject uuid not null,           -- tell: a child that has ended; end: a parent that has; deliver: a run; bind: a key
  parent uuid,
  entry text,
  at bigint not null               -- tell: when it ended; 0: it was removed
);

create index errand_subject on duckdive.errand (subject);
alter table duckdive.errand set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);

-- The names that a suspended run waits for.
create function duckdive.awaited(p_on text) returns text[]
language sql immutable as $$
  select case when p_on is null then '{}' when left(p_on, 1) <> '[' then array[p_on]
    else array(select json_array_elements_text(p_on::json)) end
$$;

-- The last position that was given in a run. Index: entry_position.
create function duckdive.last_position(p_run uuid) returns integer
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
begin
  return coalesce((
    select own.position from duckdive.entry as own
    where own.run = p_run and own.position is not null order by own.run, own.position desc limit 1
  ), 0);
end $$;

-- Makes a run ready that waits for its entries and whose row is locked. In a transaction of the application no lane is made:
-- where there is none, the next promotion makes it.
create function duckdive.wake_run(p_run duckdive.runs, p_makes_lane boolean, p_at bigint) returns void
language plpgsql volatile as $$
declare
  home integer;
begin
  if p_makes_lane then
    home := duckdive.lane_for(
      p_run.queue, p_run.priority, p_run.route, true, p_run.gate_keys is not null, p_run.fair is not null
    );
  else
    select lane.id into home from duckdive.lane
    where lane.queue = p_run.queue and lane.priority = p_run.priority and lane.route = p_run.route
      and lane.gated = (p_run.gate_keys is not null) and lane.fair = (p_run.fair is not null)
    order by lane.front desc limit 1;
  end if;
  update duckdive.runs as run set
    state = case when home is null then 'scheduled' else 'ready' end, lane = home, run_at = p_at,
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'), wait_reason = null, awaits = null, wake_at = null,
    due = duckdive.due_of(
      case when home is null then 'scheduled' else 'ready' end, p_at, run.start_by, run.started_at, run.finish_by, p_at
    )
  where run.id = p_run.id;
end $$;

-- Settles a call that is pending, and wakes its run, whose row is locked, if that waits for it. Answers whether it did.
create function duckdive.settle_entry(
  p_run uuid, p_name text, p_state text, p_value text, p_error json, p_makes_lane boolean, p_at bigint
) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  run duckdive.runs;
begin
  update duckdive.entry as own set
    state = p_state, position = duckdive.last_position(p_run) + 1, value = p_value, error = p_error,
    written_at = p_at
  where own.run = p_run and own.name = p_name and own.state = 'pending';
  if not found then return false; end if;
  select * into run from duckdive.runs as live
  where live.id = p_run and live.state = 'waiting' and live.wait_reason = 'entries';
  if not found or p_name <> all(duckdive.awaited(run.awaits)) then return false; end if;
  perform duckdive.wake_run(run, p_makes_lane, p_at);
  return true;
end $$;

-- What a call keeps of the child that it was made for, which ended at that time or later. \`is_live\`: it has been made ready
-- again since.
create function duckdive.end_of(
  p_run uuid, p_from bigint, out is_live boolean, out state text, out value text, out error json
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  past record;
begin
  is_live := exists (select from duckdive.runs as live where live.id = p_run);
  if is_live then return; end if;
  select own.state, own.reason,
    case when own.body & 2 = 2 then (select body.output from duckdive.body where body.run = p_run) else own.output::text end as output,
    duckdive.error_of(own.id, own.body, own.error) as error
  into past from duckdive.history as own where own.id = p_run and own.finished_at >= p_from limit 1;
  if not found then
    past.state := 'cancelled';
    past.reason := 'it was removed';
  end if;
  state := case when past.state = 'succeeded' then 'done' else 'failed' end;
  if past.state = 'succeeded' then
    value := past.output;
  elsif past.state = 'failed' then
    error := coalesce(past.error, json_build_object('name', 'Error', 'message', coalesce(past.reason, 'it failed')));
  else
    error := json_build_object(
      'name', 'RunCancelledError', 'code', 'RUN_CANCELLED', 'message', coalesce(past.reason, '')
    );
  end if;
end $$;

create function duckdive.has_live_child(p_parent uuid, p_entry text) returns boolean
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  one uuid;
begin
  -- Backwards: those that were recorded last are most likely to be there.
  select live.id into one from duckdive.runs as live
  where live.parent = p_parent and live.parent_entry = p_entry order by live.parent desc, live.parent_entry desc limit 1;
  return found;
end $$;

-- Tells parents of children that have ended at those times: settles the call of a single child, and that of many behind the
-- last. Answers those children whose parent somebody else has locked, and whether one was woken.
create function duckdive.tell_parents(
  p_children uuid[], p_parents uuid[], p_entries text[], p_times bigint[], p_at bigint, out missed uuid[], out woken boolean
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  locked constant uuid[] := array(
    select live.id from duckdive.runs as live where live.id = any(p_parents) order by live.id for update skip locked
  );
  told record;
  ended record;
begin
  woken := false;
  for told in
    select own.run, own.name, own.kind, (array_agg(each.child order by each.place))[1] as child,
      (array_agg(each.time order by each.place))[1] as time
    from unnest(p_children, p_parents, p_entries, p_times) with ordinality as each (child, parent, entry, time, place)
    join duckdive.entry as own on own.run = each.parent and own.name = each.entry
    where each.parent = any(locked) and own.state = 'pending'
    group by own.run, own.name, own.kind order by min(each.place)
  loop
    if told.kind = 'child' then
      ended := duckdive.end_of(told.child, told.time);
      continue when ended.is_live;
      woken := duckdive.settle_entry(told.run, told.name, ended.state, ended.value, ended.error, true, p_at) or woken;
    elsif not duckdive.has_live_child(told.run, told.name) then
      woken := duckdive.settle_entry(told.run, told.name, 'done', null, null, true, p_at) or woken;
    end if;
  end loop;
  missed := array(
    select each.child from unnest(p_children, p_parents) as each (child, parent)
    where each.parent <> all(locked) and exists (select from duckdive.runs as live where live.id = each.parent)
  );
end $$;

-- Leaves it behind that the children of a run which has ended, or is gone, are to end, if there are any. Answers whether.
create function duckdive.leave_children(p_run uuid, p_at bigint) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  if not exists (select from duckdive.runs as live where live.parent = p_run and live.durable & 8 = 0) then return false; end if;
  insert into duckdive.errand (kind, subject, at) values ('end', p_run, p_at);
  return true;
end $$;

-- Leaves behind what has to be done when a run has ended, or is gone: its parent is to be told, its children are to end.
create function duckdive.leave_word(p_run duckdive.runs, p_at bigint) returns void
language plpgsql volatile as $$
begin
  if p_run.durable & 4 <> 0 and exists (select from duckdive.runs as live where live.id = p_run.parent) then
    insert into duckdive.errand (kind, subject, parent, entry, at)
    values ('tell', p_run.id, p_run.parent, p_run.parent_entry, p_at);
  end if;
  if p_run.durable & 2 <> 0 then perform duckdive.leave_children(p_run.id, p_at); end if;
end $$;

-- Takes along the children of runs that have ended, unless they are to be left: ends those that rest, asks for the end of
-- those that run. p_subjects are those runs; null: any. Their own children are an errand again.
create function duckdive.end_children(
  p_subjects uuid[], p_limit integer, p_at bigint, out ended uuid[], out asked boolean, out keys bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  reason constant text := 'its parent has ended';
  numbers bigint[];
  parents uuid[];
  lanes integer[];
  children uuid[];
  held_runs uuid[];
  held_workers text[];
  place integer;
  run duckdive.runs;
begin
  ended := '{}';
  asked := false;
  keys := '{}';
  if p_subjects is null then
    select array_agg(one.number), array_agg(one.subject) into numbers, parents from (
      select number, subject from duckdive.errand where kind = 'end' order by number limit p_limit for update skip locked
    ) as one;
  else
    select array_agg(one.number), array_agg(one.subject) into numbers, parents from (
      select number, subject from duckdive.errand
      where subject = any(p_subjects) and kind = 'end' order by number for update skip locked
    ) as one;
  end if;
  if numbers is null then return; end if;
  children := array(
    select live.id from duckdive.runs as live where live.parent = any(parents) and live.durable & 8 = 0 limit 1000
  );
  lanes := duckdive.lock_lanes_of(children);
  children := array(
    select live.id from duckdive.runs as live where live.id = any(children) order by live.id for update skip locked
  );
  select array_agg(held.id), array_agg(held.worker) into held_runs, held_workers
  from duckdive.held where held.id = any(children);
  for run in
    select * from duckdive.runs as live
    where live.id = any(children) and live.cancel_asked is null and (live.lane is null or live.lane = any(lanes))
    order by live.id
  loop
    place := array_position(held_runs, run.id);
    if place is not null then
      perform duckdive.append_event(
        run.id, 'cancelAsked', json_build_object('reason', reason), run.attempt + 1, run.seq, held_workers[place], p_at
      );
      update duckdive.runs set cancel_asked = reason where id = run.id;
      asked := true;
      continue;
    end if;
    perform duckdive.append_event(
      run.id, 'cancelled', json_build_object('reason', reason), run.attempt, run.seq, null, p_at
    );
    perform duckdive.end_run(run.id, 'cancelled', reason, null, null, null, 0, 0, null, null, p_at, false);
    if run.durable & 2 <> 0 then perform duckdive.leave_children(run.id, p_at); end if;
    ended := ended || run.id;
    keys := keys || coalesce(run.gate_keys, '{}');
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  delete from duckdive.errand as done where done.number = any(numbers) and not exists (
    select from duckdive.runs as live
    where live.parent = done.subject and live.durable & 8 = 0 and live.cancel_asked is null
  );
end $$;

-- Gives the waits of these runs, whose rows are locked, the signals that came for them. Answers whether one was woken.
create function duckdive.deliver(p_runs uuid[], p_makes_lane boolean, p_at bigint) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  came record;
  waits text;
  woken boolean := false;
begin
  for came in
    select signal.number, signal.run, signal.name, signal.payload from duckdive.signal
    where signal.run = any(p_runs) and not signal.taken order by signal.number
  loop
    select own.name into waits from duckdive.entry as own
    where own.run = came.run and own.hash = came.name and own.state = 'pending' and own.kind = 'signal'
    order by own.number limit 1;
    continue when not found;
    update duckdive.signal set taken = true where number = came.number;
    woken := duckdive.settle_entry(came.run, waits, 'done', came.payload, null, p_makes_lane, p_at) or woken;
  end loop;
  return woken;
end $$;

-- Does the errands about these subjects, or of any the first p_limit. What needs a row that somebody has locked stays for
-- another time: \`rest\` are those of the given subjects, and of the runs that ended by this, that have one. \`keys\` are gates
-- where places are to be handed over behind this.
--
-- Not synced: a crash undoes the errand and its being done together.
create function duckdive.do_errands(
  p_subjects uuid[], p_limit integer, p_now bigint,
  out done integer, out rest uuid[], out ended uuid[], out asked boolean, out woken boolean, out keys bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at bigint;
  told record;
  errands duckdive.errand[];
  runs uuid[];
  bound uuid[];
  finished bigint[];
begin
  done := 0;
  rest := '{}';
  ended := '{}';
  asked := false;
  woken := false;
  keys := '{}';
  if p_subjects is null then
    if not exists (select from duckdive.errand) then return; end if;
  elsif not exists (select from duckdive.errand where subject = any(p_subjects)) then
    return;
  end if;
  at := duckdive.moment(p_now);
  perform set_config('synchronous_commit', 'off', true);
  -- Lanes come before rows, so this comes first.
  select one.ended, one.asked, one.keys into ended, asked, keys
  from duckdive.end_children(p_subjects, p_limit, at) as one;
  done := cardinality(ended);
  if p_subjects is null then
    errands := array(
      select errand from duckdive.errand
      where errand.kind <> 'end' order by errand.number limit p_limit for update skip locked
    );
  else
    errands := array(
      select errand from duckdive.errand
      where errand.subject = any(p_subjects) and errand.kind <> 'end' order by errand.number for update skip locked
    );
  end if;
  told := duckdive.tell_parents(
    array(select one.subject from unnest(errands) as one where one.kind = 'tell' order by one.number),
    array(select one.parent from unnest(errands) as one where one.kind = 'tell' order by one.number),
    array(select one.entry from unnest(errands) as one where one.kind = 'tell' order by one.number),
    array(select one.at from unnest(errands) as one where one.kind = 'tell' order by one.number), at
  );
  bound := duckdive.bind_signals(array(select one.subject from unnest(errands) as one where one.kind = 'bind'), at);
  runs := bound || array(select one.subject from unnest(errands) as one where one.kind = 'deliver');
  runs := array(
    select live.id from duckdive.runs as live where live.id = any(runs) order by live.id for update skip locked
  );
  woken := duckdive.deliver(runs, true, at) or told.woken;
  -- What was bound to a run that is locked is for another time.
  insert into duckdive.errand (kind, subject, at)
  select 'deliver', one, at from unnest(bound) as one
  where one <> all(runs) and exists (select from duckdive.runs as live where live.id = one);
  finished := array(
    select one.number from unnest(errands) as one
    where case one.kind when 'tell' then one.subject <> all(told.missed)
      when 'deliver' then one.subject = any(runs)
        or not exists (select from duckdive.runs as live where live.id = one.subject)
      else true end
  );
  delete from duckdive.errand where number = any(finished);
  done := done + cardinality(finished);
  if p_subjects is not null then
    rest := array(
      select distinct errand.subject from duckdive.errand where errand.subject = any(p_subjects || ended || bound)
    );
  end if;
end $$;

-- Gives signals that were sent to keys before anybody had them to the runs that have them by now. Answers those.
create function duckdive.bind_signals(p_keys uuid[], p_at bigint) returns uuid[]
language plpgsql volatile as $$
declare
  one uuid;
  holder uuid;
  bound uuid[] := '{}';
begin
  foreach one in array p_keys loop
    holder := duckdive.key_holder(one, p_at);
    continue when holder is null or not exists (select from duckdive.runs as live where live.id = holder);
    perform duckdive.give_signals(array[holder], array[one], array[holder]);
    bound := bound || holder;
  end loop;
  return bound;
end $$;

-- Gives signals that were sent to a key before anybody had it to the run that gets it, if that is one of p_added. What
-- somebody else is giving away at this moment is his.
create function duckdive.give_signals(p_ids uuid[], p_keys uuid[], p_added uuid[]) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  update duckdive.signal set run = given.run
  from (
    select came.number, (
      select each.id from unnest(p_ids, p_keys) as each (id, key) where each.key = came.key and each.id = any(p_added) limit 1
    ) as run
    from duckdive.signal as came where came.run is null and came.key = any(p_keys) for update skip locked
  ) as given
  where signal.number = given.number and given.run is not null;
end $$;

-- Delivers signals. Answers for each whether there is such a run, alive; null for all in another database than the one whose
-- word p_nonce is. \`missed\` are subjects of errands that were left behind.
--
-- With p_is_inside this is a transaction of the application: it locks the row only of a run that is suspended, and that
-- waits for what came; nobody executes that, so no settlement waits for it. Everything else is done behind its commit.
create function duckdive.signal(
  p_signals json, p_is_inside boolean, p_now bigint, p_notice text, p_nonce text, out answers text, out missed uuid[], out woken boolean
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at bigint;
  asked record;
  target uuid;
  alive boolean[] := '{}';
  targets uuid[] := '{}';
  locked uuid[] := '{}';
begin
  missed := '{}';
  woken := false;
  if p_nonce <> (select nonce from duckdive.meta) then return; end if;
  at := duckdive.moment(p_now);
  for asked in
    select one.* from rows from (
      json_to_recordset(p_signals) as (id text, run uuid, key uuid, name text, payload text)
    ) with ordinality as one (id, run, key, name, payload, place) order by one.place
  loop
    target := coalesce(asked.run, duckdive.key_holder(asked.key, at));
    if not exists (select from duckdive.runs as live where live.id = target) then target := null; end if;
    alive := alive || (target is not null);
    continue when target is null and asked.key is null;
    insert into duckdive.signal (id, run, key, name, payload, received_at)
    values (asked.id, target, asked.key, asked.name, asked.payload, at)
    on conflict (id) do nothing;
    continue when not found;
    if target is null then
      insert into duckdive.errand (kind, subject, at) values ('bind', asked.key, at);
      missed := missed || asked.key;
    else
      targets := targets || target;
    end if;
  end loop;
  if not p_is_inside then
    locked := array(
      select live.id from duckdive.runs as live where live.id = any(targets) order by live.id for update skip locked
    );
  elsif current_setting('transaction_isolation') = 'read committed' then
    locked := array(
      select live.id from duckdive.runs as live
      where live.id = any(targets) and live.state = 'waiting' and live.wait_reason = 'entries' and exists (
        select from duckdive.signal as came
        join duckdive.entry as own on own.run = came.run and own.hash = came.name and own.state = 'pending' and own.kind = 'signal'
        where came.run = live.id and not came.taken
      )
      order by live.id for update skip locked
    );
  end if;
  woken := duckdive.deliver(locked, not p_is_inside, at);
  with left_behind as (
    insert into duckdive.errand (kind, subject, at)
    select 'deliver', one, at from (select distinct unnest(targets) as one) as each where one <> all(locked)
    returning subject
  )
  select missed || coalesce(array_agg(subject), '{}') into missed from left_behind;
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  answers := alive::text;
end $$;

-- Writes calls of an execution whose run is locked. A wait for a signal that has come already is done with that. A call that
-- is new gives the run all its attempts again.
create function duckdive.write_entries(p_run duckdive.runs, p_entries json, p_has_children boolean, p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  place integer := duckdive.last_position(p_run.id) + 1;
  asked record;
  known duckdive.entry;
  came record;
  has_new boolean := false;
  bits smallint := p_run.durable;
begin
  for asked in
    select one.*, coalesce((one.due ->> 'at')::bigint, p_at + (one.due ->> 'after')::bigint) as due_at
    from rows from (json_to_recordset(p_entries) as (
      name text, kind text, hash text, state text, value text, error json, due json, attempts integer
    )) with ordinality as one (name, kind, hash, state, value, error, due, attempts, number) order by one.number
  loop
    select * into known from duckdive.entry as own where own.run = p_run.id and own.name = asked.name;
    if not found then
      has_new := true;
      if asked.kind = 'signal' and asked.state = 'pending' then
        came := duckdive.take_signal(p_run, asked.hash);
        if came.number is not null then
          asked.state := 'done';
          asked.value := came.payload;
        end if;
      end if;
      insert into duckdive.entry (
        run, name, kind, hash, state, position, value, error, due_at, attempts, number, written_at
      ) values (
        p_run.id, asked.name, asked.kind, asked.hash, asked.state, case when asked.state <> 'pending' then place end, asked.value,
        asked.error, asked.due_at, coalesce(asked.attempts, 0),
        case when asked.kind = 'signal' and asked.state = 'pending' then nextval('duckdive.seq') end, p_at
      );
    elsif known.state <> 'pending' then
      -- The results of many children are kept, once.
      if asked.value is not null and known.value is null and known.kind = 'children' and known.state = 'done' then
        update duckdive.entry as own set value = asked.value where own.run = p_run.id and own.name = asked.name;
      end if;
      continue;
    else
      update duckdive.entry as own set
        state = asked.state, position = case when asked.state <> 'pending' then place end, value = asked.value,
        error = asked.error, due_at = coalesce(asked.due_at, own.due_at), attempts = coalesce(asked.attempts, own.attempts), written_at = p_at
      where own.run = p_run.id and own.name = asked.name;
    end if;
    if asked.state <> 'pending' then place := place + 1; end if;
  end loop;
  if has_new then bits := bits | 1; end if;
  if p_has_children then bits := bits | 2; end if;
  if bits <> p_run.durable or (has_new and p_run.attempt <> 0) then
    update duckdive.runs set durable = bits, attempt = case when has_new then 0 else attempt end where id = p_run.id;
  end if;
end $$;

-- Takes the oldest signal of a name that a run has not taken. It may have been sent to the run's key while the run itself was
-- being recorded, when neither could see the other.
create function duckdive.take_signal(p_run duckdive.runs, p_name text, out number bigint, out payload text)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  own_key constant uuid := coalesce(p_run.unique_key, p_run.unique_idle);
begin
  select came.number, came.payload into number, payload from duckdive.signal as came
  where came.run = p_run.id and came.name = p_name and not came.taken order by came.run, came.name, came.number limit 1;
  if not found and own_key is not null then
    perform duckdive.give_signals(array[p_run.id], array[own_key], array[p_run.id]);
    select came.number, came.payload into number, payload from duckdive.signal as came
    where came.run = p_run.id and came.name = p_name and not came.taken order by came.run, came.name, came.number limit 1;
  end if;
  if number is not null then
    update duckdive.signal as came set taken = true where came.number = take_signal.number;
  end if;
end $$;

-- Records what handlers have called under their fence, and the runs that they started by it. Each is answered 'taken', or
-- null when its claim was lost, or 'busy' when somebody has its row at this moment, unless p_waits; behind a taken one comes
-- a row for each call of its run that has settled after the position that was known.
create function duckdive.record(p_items json, p_waits boolean, p_now bigint)
returns table (
  item integer, answer text, name text, kind text, hash text, state text, "position" integer, value text, error json,
  due_at bigint, attempts integer, written_at bigint
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.moment(p_now);
  write record;
  run duckdive.runs;
begin
  -- Nobody is waited for longer than a moment: for the row by whoever settles a child, or with keys of children.
  perform set_config('lock_timeout', '100ms', true);
  for write in
    select one.number::integer as number, own.*
    from json_array_elements(p_items) with ordinality as one (value, number)
    cross join lateral json_to_record(one.value) as own (
      run uuid, token bigint, claim uuid, entries json, children json, after integer
    )
    order by own.run, one.number
  loop
    item := write.number;
    answer := null;
    name := null;
    if exists (select from duckdive.claims as claim where claim.id = write.claim) then
      if p_waits then
        select * into run from duckdive.runs as live where live.id = write.run and live.seq = write.token for update;
      else
        select * into run from duckdive.runs as live
        where live.id = write.run and live.seq = write.token for update skip locked;
      end if;
      if found then
        answer := 'taken';
        perform duckdive.write_entries(run, write.entries, write.children is not null, at);
        if write.children is not null then perform duckdive.start_children(run, write.children, at); end if;
      elsif exists (select from duckdive.runs as live where live.id = write.run and live.seq = write.token) then
        answer := 'busy';
      end if;
    end if;
    return next;
    if answer = 'taken' then
      return query
      select write.number, null::text, own.name, own.kind, own.hash, own.state, own.position, own.value, own.error, own.due_at,
        own.attempts, own.written_at
      from duckdive.entry as own
      where own.run = run.id and own.position is not null and own.position > coalesce(write.after, 0)
      order by own.position;
    end if;
  end loop;
end $$;

-- Records the children of a run that is locked. One that is there already is one of an earlier execution, whose record of
-- the call was given up by a retry: it goes on with that.
create function duckdive.start_children(p_run duckdive.runs, p_children json, p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  ids constant uuid[] := (p_children ->> 'ids')::uuid[];
  inputs constant text[] := (p_children ->> 'inputs')::text[];
  numbers constant integer[] := (p_children ->> 'numbers')::integer[];
  keys constant uuid[] := (p_children ->> 'keys')::uuid[];
  shapes constant json[] := array(select value from json_array_elements(p_children -> 'shapes'));
  -- A child of this run has not ended before that was asked for; a day for a clock that was set.
  since constant bigint := p_run.requested_at - 86400000;
  known constant uuid[] := array(
    select past.id from duckdive.history as past where past.id = any(ids) and past.finished_at >= since
  );
  is_long constant boolean := (p_children ->> 'isLong')::boolean;
  left_out uuid[];
  one record;
begin
  if keys is null then
    left_out := array(
      select duckdive.insert_runs(ids, inputs, numbers, p_children -> 'shapes', known, is_long, p_at, null, null)
    );
  else
    left_out := array(
      select met.id from duckdive.record_unique(
        ids, inputs, numbers, p_children -> 'shapes', known, is_long, p_at, null, null, keys, false
      ) as met
    );
  end if;
  insert into duckdive.child (parent, entry, run)
  select p_run.id, shapes[each.number] -> 'parent' ->> 'entry', each.id
  from unnest(ids, numbers) as each (id, number) where each.id <> all(left_out)
  on conflict do nothing;
  if cardinality(left_out) = 0 then return; end if;
  for one in
    select each.id, shapes[each.number] -> 'parent' ->> 'entry' as name, shapes[each.number] ->> 'job' as job
    from unnest(ids, numbers) with ordinality as each (id, number, place) where each.id = any(left_out) order by each.place
  loop
    perform duckdive.go_on(p_run.id, one.id, one.name, one.job, since, p_at);
  end loop;
  -- Of many that were all there, or could not be, nobody may be left to end.
  for one in
    select own.name from duckdive.entry as own
    where own.run = p_run.id and own.kind = 'children' and own.state = 'pending' and own.name = any(array(
      select shapes[each.number] -> 'parent' ->> 'entry'
      from unnest(ids, numbers) as each (id, number) where each.id = any(left_out)
    ))
  loop
    if not duckdive.has_live_child(p_run.id, one.name) then
      perform duckdive.settle_entry(p_run.id, one.name, 'done', null, null, true, p_at);
    end if;
  end loop;
end $$;

-- A child that was not recorded: it is there from before, and goes on if it did not succeed; or its key, or its id, is
-- another run's.
create function duckdive.go_on(p_run uuid, p_child uuid, p_name text, p_job text, p_since bigint, p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  past record;
  ended record;
  is_alone constant boolean := exists (
    select from duckdive.entry as own
    where own.run = p_run and own.name = p_name and own.kind = 'child' and own.state = 'pending'
  );
begin
  if exists (
    select from duckdive.runs as live where live.id = p_child and live.parent = p_run and live.parent_entry = p_name
  ) then return; end if;
  select own.state into past from duckdive.history as own
  where own.id = p_child and own.finished_at >= p_since and own.parent = p_run and own.parent_entry = p_name limit 1;
  if found and past.state in ('failed', 'cancelled') then
    if (duckdive.retry(array[p_child], p_at))[1] then return; end if;
  elsif found then
    if is_alone then
      ended := duckdive.end_of(p_child, p_since);
      perform duckdive.settle_entry(p_run, p_name, ended.state, ended.value, ended.error, true, p_at);
    end if;
    return;
  end if;
  if is_alone then
    perform duckdive.settle_entry(p_run, p_name, 'failed', null, json_build_object(
      'name', 'UniqueConflictError', 'code', 'UNIQUE_CONFLICT', 'message',
      'Another run of "' || p_job || '" has the unique key of this one, or its id, so that it was not recorded.'
    ), true, p_at);
  end if;
end $$;

-- Records calls that have settled in a transaction of the application. Answers as JSON \`elsewhere\`, \`refused\`, or what has
-- settled after the position that was known.
create function duckdive.record_inside(
  p_run uuid, p_token bigint, p_claim uuid, p_entries json, p_after integer, p_now bigint, p_nonce text
) returns text
language plpgsql volatile as $$
declare
  run duckdive.runs;
  settled text;
begin
  if p_nonce <> (select nonce from duckdive.meta) then return '"elsewhere"'; end if;
  if not duckdive.hold_run(p_run, p_token, p_claim) then return '"refused"'; end if;
  -- Whatever else is in this transaction was done for a call that is done: it must not be done twice.
  select own.name into settled from duckdive.entry as own
  where own.run = p_run and own.state <> 'pending'
    and own.name in (select asked.name from json_to_recordset(p_entries) as asked (name text))
  limit 1;
  if found then
    raise exception 'call "%" of run % has settled already, so this transaction must not commit', settled, p_run
      using errcode = '23505';
  end if;
  select * into run from duckdive.runs where id = p_run;
  perform duckdive.write_entries(run, p_entries, false, duckdive.now_or(p_now));
  return (
    select coalesce(json_agg(json_build_array(
      own.name, own.kind, own.hash, own.state, own.position, own.value, own.error::text, own.due_at, own.attempts, own.written_at
    ) order by own.position), '[]')::text
    from duckdive.entry as own where own.run = p_run and own.position is not null and own.position > p_after
  );
end $$;

-- Removes of a run that is made ready again what failed, so that it is done again: calls, and those whose children did not
-- all succeed.
create function duckdive.reopen_entries(p_run duckdive.history) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from duckdive.entry as own
  where own.run = p_run.id and (
    (own.state = 'failed' and own.kind in ('step', 'poll', 'child', 'children'))
    or (own.kind = 'children' and own.state = 'done' and exists (
      select from duckdive.child join duckdive.history as past on past.id = child.run
      where child.parent = p_run.id and child.entry = own.name and past.state in ('failed', 'cancelled')
        and past.finished_at >= p_run.requested_at - 86400000
    ))
  );
end $$;

-- Forgets what a run that has ended recorded from a call on, in the order of settling, and the runs that it started by that.
create function duckdive.forget_entries(p_run uuid, p_name text, p_now bigint) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  names text[];
  children uuid[];
begin
  perform from duckdive.history as past where past.id = p_run for update;
  if not found or exists (select from duckdive.runs as live where live.id = p_run) then return false; end if;
  if not exists (select from duckdive.entry as own where own.run = p_run and own.name = p_name) then return false; end if;
  names := array(
    select own.name from duckdive.entry as own
    where own.run = p_run and (own.state = 'pending' or own.position >= (
      select first.position from duckdive.entry as first where first.run = p_run and first.name = p_name
    ))
  );
  children := array(
    select own.run from duckdive.child as own
    where own.parent = p_run and own.entry = any(names)
      and not exists (select from duckdive.runs as live where live.id = own.run)
  );
  delete from duckdive.history as past where past.id = any(children);
  perform duckdive.forget(children);
  delete from duckdive.child as own where own.parent = p_run and own.entry = any(names) and own.run = any(children);
  delete from duckdive.entry as own where own.run = p_run and own.name = any(names);
  return true;
end $$;

-- Forgets signals that are older than 30 days, at most p_limit. Index: signal_received.
create function duckdive.prune_signals(p_limit integer, p_now bigint) returns void
language sql volatile as $$
  delete from duckdive.signal where number = any(array(
    select number from duckdive.signal
    where received_at < duckdive.now_or(p_now) - 2592000000 order by received_at limit p_limit for update skip locked
  ))
$$;

-- Removes what belongs to runs that are gone.
create or replace function duckdive.forget(p_ids uuid[]) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from duckdive.body where run = any(p_ids);
  delete from duckdive.event where run = any(p_ids);
  delete from duckdive.log where run = any(p_ids);
  delete from duckdive.progress where run = any(p_ids);
  delete from duckdive.entry where run = any(p_ids);
  delete from duckdive.child where parent = any(p_ids);
  delete from duckdive.signal where run = any(p_ids);
end $$;

-- Moves a run to history. The caller has made sure, under the run's row lock, that it is where he believes.
-- p_attempts and p_crashes are added; without p_keep it is kept for 90 days. Only what was said last stays as its error. What
-- has to be told of its end is left behind as errands, unless the caller tells it himself.
drop function duckdive.end_run(uuid, text, text, text, text, bigint, integer, integer, bigint, text, bigint);

create function duckdive.end_run(
  p_id uuid, p_state text, p_reason text, p_output text, p_error text, p_keep bigint, p_attempts integer,
  p_crashes integer, p_started_at bigint, p_worker text, p_now bigint, p_tells boolean default true
) returns void
language plpgsql volatile as $$
declare
  live duckdive.runs;
  keep constant bigint := coalesce(p_keep, 7776000000);
begin
  delete from duckdive.runs where id = p_id returning * into live;
  if duckdive.is_long(p_output) or duckdive.is_long(p_error) then
    insert into duckdive.body (run, output, error)
    values (
      p_id, case when duckdive.is_long(p_output) then p_output end, case when duckdive.is_long(p_error) then p_error end
    )
    on conflict (run) do update set output = excluded.output, error = excluded.error;
  end if;
  insert into duckdive.history (
    id, keep_class, finished_at, expires_at, state, reason, token, worker, job, version, queue, priority, attempt, crashes,
    requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
    tags, meta, release, gates, fair,
    unique_key, unique_while, durable, parent, parent_entry
  ) values (
    p_id, duckdive.class_of(keep), p_now, p_now + keep, p_state, p_reason, live.seq, p_worker, live.job, live.version,
    live.queue, live.priority, live.attempt + p_attempts, live.crashes + p_crashes, live.requested_at, live.run_at,
    coalesce(p_started_at, live.started_at), live.start_within, live.finish_within, live.start_by, live.finish_by,
    (live.body & 1) | case when duckdive.is_long(p_output) then 2 else 0 end
      | case when duckdive.is_long(p_error) then 4 else 0 end,
    live.input, case when not duckdive.is_long(p_output) then p_output::json end,
    case when not duckdive.is_long(p_error) then p_error::json end, live.tags, live.meta, live.release,
    live.gates, live.fair,
    coalesce(live.unique_key, live.unique_idle), live.unique_while,
    live.durable, live.parent, live.parent_entry
  );
  if p_tells and live.durable & 6 <> 0 then perform duckdive.leave_word(live, p_now); end if;
end $$;

-- Puts a run to rest: ready in a lane, or out of all lanes. Its seq is new, so whoever had it is fenced out. Of its gates it
-- keeps those locks that are for all of its life, if it has begun that. With p_wake_at it is woken then, whatever happens.
drop function duckdive.rest_run(
  uuid, text, bigint, text, text, text, text, integer, integer, bigint, boolean, bigint
);

create function duckdive.rest_run(
  p_id uuid, p_state text, p_run_at bigint, p_route text, p_wait_reason text, p_wait_on text, p_error text,
  p_attempts integer, p_crashes integer, p_started_at bigint, p_front boolean, p_now bigint,
  p_wake_at bigint default null
) returns void
language plpgsql volatile as $$
declare
  place record;
begin
  if duckdive.is_long(p_error) then
    insert into duckdive.body (run, error) values (p_id, p_error)
    on conflict (run) do update set error = excluded.error;
  end if;
  select queue, priority, gate_keys is not null as gated, fair is not null as fair into place from duckdive.runs where id = p_id;
  update duckdive.runs set
    state = p_state,
    lane = case when p_state = 'ready' then
      duckdive.lane_for(place.queue, place.priority, p_route, p_front, place.gated, place.fair) end,
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'), run_at = p_run_at, route = p_route,
    wait_reason = p_wait_reason,
    wait_on = case when p_wait_reason is distinct from 'entries' then p_wait_on end,
    awaits = case when p_wait_reason = 'entries' then p_wait_on end, wake_at = p_wake_at, attempt = attempt + p_attempts, crashes = crashes + p_crashes,
    started_at = coalesce(p_started_at, started_at), parked_on = null,
    holds = case when coalesce(p_started_at, started_at) is not null then duckdive.kept_of(gates) end,
    due = duckdive.due_of(
      case when p_wake_at is null then p_state else 'scheduled' end, coalesce(p_wake_at, p_run_at), start_by,
      coalesce(p_started_at, started_at), finish_by, p_now
    ),
    body = case when p_error is null then body when duckdive.is_long(p_error) then body | 4 else body & 3 end,
    error = case when p_error is null then error when not duckdive.is_long(p_error) then p_error::json end
  where id = p_id;
end $$;

-- Ends executions in every way. Answers for each the state its run is in by that; null: refused. \`unfinished\` are runs of
-- which an errand was left behind, \`due\` is when the first of those that were suspended is to be woken.
--
-- Whoever parks a run shares a lock with all who do, and excludes registrations and the ends of pauses: otherwise each
-- might miss what the other has not committed yet, and the run would sleep for ever.
create function duckdive.settle_all(
  p_items json, p_done uuid[], p_now bigint, out answers text[], out unfinished uuid[], out due bigint
)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  one record;
  told record;
  children uuid[] := '{}';
  parents uuid[] := '{}';
  entries text[] := '{}';
begin
  answers := array_fill(null::text, array[json_array_length(p_items)]);
  unfinished := '{}';
  if exists (
    select from json_array_elements(p_items) as i
    where i -> 'waiting' is not null and i -> 'waiting' ->> 'reason' is distinct from 'entries'
  ) then
    perform pg_advisory_xact_lock_shared('duckdive.runs'::regclass::oid::integer, 0);
  end if;
  -- In the order of ids, since that is how row locks are taken everywhere; of two of one run the first asked counts.
  for item in
    select i.value, i.number, (i.value ->> 'run')::uuid as run
    from json_array_elements(p_items) with ordinality as i (value, number)
    order by i.value ->> 'run', i.number
  loop
    one := duckdive.settle_one(item.value, at);
    answers[item.number] := one.answer;
    due := least(due, one.wake_at);
    if one.has_children and duckdive.leave_children(item.run, at) then unfinished := unfinished || item.run; end if;
    if one.parent is not null then
      children := children || item.run;
      parents := parents || one.parent;
      entries := entries || one.entry;
    end if;
  end loop;
  if cardinality(children) > 0 then
    told := duckdive.tell_parents(children, parents, entries, array_fill(at, array[cardinality(children)]), at);
    insert into duckdive.errand (kind, subject, parent, entry, at)
    select 'tell', each.child, each.parent, each.entry, at
    from unnest(children, parents, entries) as each (child, parent, entry) where each.child = any(told.missed);
    unfinished := unfinished || told.missed;
  end if;
  delete from duckdive.claims where id = any(p_done);
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.settle(p_items json, p_done uuid[], p_now bigint) returns text[]
language sql volatile as $$ select answers from duckdive.settle_all(p_items, p_done, p_now) $$;

-- Ends one execution. For the caller to tell: who its parent is, by which call, and whether it has children, if it ended;
-- and when it is to be woken, if it was suspended.
drop function duckdive.settle_one(json, bigint);
create function duckdive.settle_one(
  p_item json, p_at bigint, out answer text, out parent uuid, out entry text, out has_children boolean, out wake_at bigint
)
language plpgsql volatile as $$
declare
  run record;
  one record;
  counted constant integer := case when (p_item ->> 'giveBack')::boolean then 0 else 1 end;
  event json;
  rest record;
begin
  has_children := false;
  select * into one from json_to_record(p_item) as asked (
    run uuid, token bigint, claim uuid, state text, reason text, output text, error json, keep bigint
  );
  select live.*, claim.worker, claim.at as claimed_at into run
  from duckdive.runs as live, duckdive.claims as claim
  where live.id = one.run and live.seq = one.token and claim.id = one.claim
  for update of live;
  if not found then return; end if;
  for event in select * from json_array_elements(p_item -> 'events') loop
    perform duckdive.append_event(
      run.id, event ->> 'kind', event -> 'detail', run.attempt + 1, run.seq, run.worker, p_at
    );
  end loop;
  if one.state in ('succeeded', 'failed', 'cancelled') or run.cancel_asked is not null then
    answer := one.state;
    if one.state not in ('succeeded', 'failed', 'cancelled') then
      answer := 'cancelled';
      one.reason := run.cancel_asked;
      one.output := null;
      perform duckdive.append_event(
        run.id, 'cancelled', json_build_object('reason', run.cancel_asked), run.attempt + 1, run.seq, run.worker, p_at
      );
    end if;
    perform duckdive.end_run(
      run.id, answer, one.reason, one.output, one.error::text, one.keep, counted, 0, run.claimed_at, run.worker, p_at, false
    );
    if run.durable & 4 <> 0 then
      parent := run.parent;
      entry := run.parent_entry;
    end if;
    has_children := run.durable & 2 <> 0;
    return;
  end if;
  rest := duckdive.rest_of(p_item, run.job, run.run_at, run.route, p_at);
  if rest.route <> run.route then
    perform duckdive.append_event(
      run.id, 'unparked', json_build_object('reason', 'worker', 'on', rest.route), run.attempt + 1, run.seq, run.worker, p_at
    );
  end if;
  perform duckdive.rest_run(
    run.id, rest.state, rest.run_at, rest.route, rest.wait_reason, rest.wait_on, one.error::text, counted, 0,
    -- Claimed only to be parked: that was no start.
    case when (p_item -> 'waiting' ->> 'reason') in ('worker', 'paused') then null else run.claimed_at end,
    rest.run_at < p_at, p_at, rest.wake_at
  );
  answer := rest.state;
  wake_at := rest.wake_at;
end $$;

-- Where a run rests, having looked whether what it would rest for has come already.
drop function duckdive.rest_of(json, text, bigint, text, bigint);
create function duckdive.rest_of(
  p_item json, p_job text, p_run_at bigint, p_route text, p_at bigint,
  out state text, out run_at bigint, out route text, out wait_reason text, out wait_on text, out wake_at bigint
)
language plpgsql stable as $$
declare
  due constant bigint := coalesce(
    (p_item -> 'due' ->> 'at')::bigint, p_at + (p_item -> 'due' ->> 'after')::bigint, p_run_at
  );
  has_settled boolean;
begin
  state := 'ready';
  run_at := p_run_at;
  route := p_route;
  if p_item ->> 'state' = 'scheduled' then
    run_at := due;
    if due > p_at then state := 'scheduled'; end if;
    return;
  end if;
  if p_item ->> 'state' = 'ready' or p_item -> 'waiting' is null then return; end if;
  wait_reason := p_item -> 'waiting' ->> 'reason';
  wait_on := p_item -> 'waiting' ->> 'on';
  if wait_reason = 'worker' then
    if duckdive.is_able(wait_on) then
      route := wait_on;
      wait_reason := null;
      wait_on := null;
      return;
    end if;
    route := '';
  elsif wait_reason = 'paused' then
    wait_on := p_job;
    if not exists (select from duckdive.pause where kind = 'job' and name = p_job) then
      wait_reason := null;
      wait_on := null;
      return;
    end if;
  elsif wait_reason = 'entries' then
    -- Where a name has the character that no text here can have, its entry has the sign for that.
    wait_on := replace(wait_on, '\\u0000', '\\ufffd');
    select awaited.has_settled, awaited.wake_at into has_settled, wake_at
    from duckdive.standing_of((p_item ->> 'run')::uuid, duckdive.awaited(wait_on)) as awaited;
    if has_settled or wake_at <= p_at then
      wait_reason := null;
      wait_on := null;
      wake_at := null;
      run_at := p_at;
      return;
    end if;
    run_at := coalesce(wake_at, p_run_at);
  end if;
  state := 'waiting';
end $$;

-- How the calls stand that a run would wait for: whether one has settled, and when the first of the others is due.
create function duckdive.standing_of(p_run uuid, p_names text[], out has_settled boolean, out wake_at bigint)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  select coalesce(bool_or(own.state <> 'pending'), false), min(own.due_at) into has_settled, wake_at
  from duckdive.entry as own where own.run = p_run and own.name = any(p_names);
end $$;

-- Settles executions of runs with unique keys, or that are followed by others. A transaction of the application may have
-- locked a run's row, to change it, and may stay open for long: such a run is passed by and answered 'busy', and its
-- settlement comes again by itself. A settlement never waits for an application.
create function duckdive.settle_apart(
  p_items json, p_done uuid[], p_now bigint, out answers text[], out unfinished uuid[], out due bigint
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  runs constant uuid[] := array(select (item ->> 'run')::uuid from json_array_elements(p_items) as item);
  locked uuid[];
  busy uuid[];
  places integer[];
  given record;
begin
  answers := array_fill(null::text, array[json_array_length(p_items)]);
  -- What follows may have a key that an application's transaction has: for that it waits a moment only, and comes again.
  perform set_config('lock_timeout', '100ms', true);
  locked := array(select live.id from duckdive.runs as live where live.id = any(runs) order by live.id for update skip locked);
  busy := array(select live.id from duckdive.runs as live where live.id = any(runs) and live.id <> all(locked));
  places := array(select place from unnest(runs) with ordinality as each (run, place) where run <> all(busy) order by place);
  given := duckdive.settle_all(
    (select coalesce(json_agg(p_items -> (place - 1) order by place), '[]') from unnest(places) as place), p_done, p_now
  );
  unfinished := given.unfinished;
  due := given.due;
  for i in 1 .. cardinality(places) loop
    answers[places[i]] := given.answers[i];
    if given.answers[i] is not null then perform duckdive.follow(p_items -> (places[i] - 1) -> 'follow', p_now); end if;
  end loop;
  for i in 1 .. cardinality(runs) loop
    if runs[i] = any(busy) then answers[i] := 'busy'; end if;
  end loop;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.settle_with(p_items json, p_done uuid[], p_now bigint) returns text[]
language sql volatile as $$ select answers from duckdive.settle_apart(p_items, p_done, p_now) $$;

-- Ends an execution, having written what it said, and records what follows it. Answers the state its run is in by that,
-- 'refused', or 'elsewhere'. Its parent and its children are errands: nobody else shall wait for this transaction.
create or replace function duckdive.settle_in(
  p_item json, p_notes json, p_run uuid, p_token bigint, p_claim uuid, p_now bigint, p_notice text, p_nonce text
) returns text
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  one record;
begin
  if p_nonce <> (select nonce from duckdive.meta) then return 'elsewhere'; end if;
  if json_array_length(p_notes) > 0 then perform duckdive.write_notes(p_notes, at); end if;
  if not duckdive.hold_run(p_run, p_token, p_claim) then return 'refused'; end if;
  one := duckdive.settle_one(p_item, at);
  if one.answer is null then return 'refused'; end if;
  if one.parent is not null then
    insert into duckdive.errand (kind, subject, parent, entry, at) values ('tell', p_run, one.parent, one.entry, at);
  end if;
  if one.has_children then perform duckdive.leave_children(p_run, at); end if;
  perform duckdive.follow(p_item -> 'follow', p_now);
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  return one.answer;
end $$;

-- Ends executions that succeeded and say nothing else, most of them, in one statement. p_done are claims that are done
-- with by this. Answers the runs that were taken; null: all of them. No join with \`runs\`: whatever the statistics say,
-- each list is looked up in the primary key. Runs that have to do with durable work are ended behind the others.
create or replace function duckdive.settle_plain(
  p_runs uuid[], p_tokens bigint[], p_claims uuid[], p_outputs text[], p_keeps bigint[], p_done uuid[], p_now bigint
) returns uuid[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  taken uuid[];
  others uuid[];
  items json;
begin
  with held as materialized (
    select asked.run, asked.token, asked.output, asked.keep, claim.worker, claim.at as claimed_at
    from unnest(p_runs, p_tokens, p_claims, p_outputs, p_keeps) as asked (run, token, claim, output, keep)
    join duckdive.claims as claim on claim.id = asked.claim
    where claim.id = any(p_claims)
  ), gone as (
    -- Found by the list of ids, whatever the statistics say, and then held against the pairs: two lists alone would let
    -- one settlement's run pass with the token of another, and searching the second costs its length for each run.
    delete from duckdive.runs as run using held
    where run.id = any(p_runs) and run.id = held.run and run.seq = held.token and run.durable = 0
    returning run.*
  ), ended as (
    insert into duckdive.history (
      id, keep_class, finished_at, expires_at, state, token, worker, job, version, queue, priority, attempt, crashes,
      requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output,
      tags, meta, release, gates, fair
    )
    select gone.id, duckdive.class_of(held.keep), at, at + held.keep, 'succeeded', gone.seq, held.worker, gone.job,
      gone.version, gone.queue, gone.priority, gone.attempt + 1, gone.crashes, gone.requested_at, gone.run_at,
      held.claimed_at, gone.start_within, gone.finish_within, gone.start_by, gone.finish_by,
      gone.body & 1, gone.input, held.output::json, gone.tags, gone.meta, gone.release,
      gone.gates, gone.fair
    from gone join held on held.run = gone.id and held.token = gone.seq
    returning id
  )
  select array_agg(id) into taken from ended;
  if cardinality(taken) = cardinality(p_runs) then
    delete from duckdive.claims where id = any(p_done);
    return null;
  end if;
  taken := coalesce(taken, '{}');
  select array_agg(one.run order by one.run), json_agg(json_build_object(
    'run', one.run, 'token', one.token, 'claim', one.claim, 'state', 'succeeded', 'output', one.output, 'keep', one.keep
  ) order by one.run) into others, items
  from unnest(p_runs, p_tokens, p_claims, p_outputs, p_keeps) as one (run, token, claim, output, keep)
  where one.run <> all(taken) and exists (
    select from duckdive.runs as live where live.id = one.run and live.seq = one.token and live.durable <> 0 offset 0
  );
  if others is not null then
    taken := taken || array(
      select one.run from duckdive.settle_all(items, '{}', p_now) as settled
      cross join lateral unnest(others, settled.answers) as one (run, answer) where one.answer is not null
    );
  end if;
  delete from duckdive.claims where id = any(p_done);
  return taken;
end $$;

-- Makes failed and cancelled runs ready again, as if they had been asked for now, unless another run holds their key. What
-- failed in them is done again, the rest is remembered. Answers for each whether it did.
create or replace function duckdive.retry(p_ids uuid[], p_now bigint) returns boolean[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  answers boolean[] := array_fill(false, array[cardinality(p_ids)]);
  item record;
  run duckdive.history;
begin
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    select * into run from duckdive.history where id = item.id and state in ('failed', 'cancelled') for update;
    continue when not found;
    if run.unique_key is not null then
      continue when duckdive.key_holder(run.unique_key, at) is distinct from run.id
        and duckdive.key_holder(run.unique_key, at) is not null;
      perform duckdive.free_key(run.unique_key);
    end if;
    insert into duckdive.runs (
      id, lane, state, job, version, queue, priority, requested_at, run_at, start_within, finish_within,
      start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair,
      unique_key, unique_idle, unique_while, durable, parent, parent_entry
    ) values (
      run.id, duckdive.lane_for(run.queue, run.priority, '', false, run.gates is not null, run.fair is not null), 'ready', run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release,
      run.gates, duckdive.keys_of(run.gates), duckdive.limits_of(run.gates), run.fair,
      case when run.unique_while & duckdive.state_bit('ready') <> 0 then run.unique_key end,
      case when run.unique_while & duckdive.state_bit('ready') = 0 then run.unique_key end, run.unique_while,
      run.durable, run.parent, run.parent_entry
    ) on conflict do nothing;
    -- Somebody else got the key in between.
    continue when not found;
    delete from duckdive.history where id = item.id;
    if run.durable & 1 <> 0 then perform duckdive.reopen_entries(run); end if;
    perform duckdive.append_event(run.id, 'retried', null, run.attempt, run.token, null, at);
    answers[item.number] := true;
  end loop;
  return answers;
end $$;

-- Removes runs that are not running. Answers for each: 'live', 'ended', or null.
create or replace function duckdive.remove(p_ids uuid[]) returns text[]
language plpgsql volatile as $$
declare
  lanes integer[];
  answers text[] := array_fill(null::text, array[cardinality(p_ids)]);
  running uuid[];
  item record;
  gone duckdive.runs;
begin
  lanes := duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
  running := array(select id from duckdive.held where id = any(p_ids));
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.runs as run
    where run.id = item.id and run.id <> all(running)
    returning * into gone;
    if found then
      if gone.durable & 6 <> 0 then perform duckdive.leave_word(gone, 0); end if;
      answers[item.number] := 'live';
    else
      delete from duckdive.history where id = item.id;
      if found then answers[item.number] := 'ended'; end if;
    end if;
    if answers[item.number] is not null then perform duckdive.forget(array[item.id]); end if;
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  return answers;
end $$;

-- Records runs; answers those ids that were there already, live or finished, and those whose unique key somebody has.
--
-- Most runs of a batch are alike but for their id, input and unique key, so what they share comes once, as a shape, and each
-- run names its shape by number. p_known are those whose id may have been sent before: only they are looked for among what
-- has ended. p_is_long says that some input is too long to stand in its run. p_keys are hashes of unique keys.
--
-- The lane is looked up and not made: making one takes a lock. Whoever calls makes it before, over a connection of his
-- own; where it is not seen all the same, the run is recorded as scheduled for now, and the next promotion makes the lane.
--
-- A run with gates, or one of those that are shared out fairly, has a lane of its own kind. One of a job that was rerouted
-- goes to that queue. One with a parent is a child of that run's call.
--
-- With p_nonce, the word of the database that is meant, nothing is recorded in another one, and the answer is null.
create or replace function duckdive.insert_runs(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[] default null
) returns setof uuid
language plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  at constant bigint := duckdive.moment(p_now);
  added uuid[];
  finished uuid[] := '{}';
begin
  if p_nonce <> (select nonce from duckdive.meta) then return query select null::uuid; return; end if;
  with shape as materialized (
    select one.*, home.queue as home, lane.id as lane, coalesce((one."unique" ->> 'while')::smallint, 0::smallint) as unique_while, kind.gate_keys, kind.gate_limits, own.run_at, own.state, duckdive.due_of(
        own.state, own.run_at, at + one.start_within, null, at + one.finish_within, at
      ) as due
    from rows from (
      json_to_recordset(p_shapes) as (
        job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
        start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json,
        parent json
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release,
      gates, fair, "unique", parent, number
    )
    cross join lateral (
      -- Kept from being worked out once for each place where it is named.
      select duckdive.keys_of(one.gates) as gate_keys, duckdive.limits_of(one.gates) as gate_limits offset 0
    ) as kind
    cross join lateral (
      select coalesce((select reroute.queue from duckdive.reroute where reroute.job = one.job), one.queue) as queue
    ) as home
    left join duckdive.lane
      on lane.queue = home.queue and lane.priority = one.priority and lane.route = '' and not lane.front
      and lane.gated = (kind.gate_keys is not null) and lane.fair = (one.fair is not null)
    cross join lateral (
      select case when one.due_at is not null then one.due_at when one.due_after is not null then at + one.due_after else at end
        as run_at
    ) as start
    cross join lateral (
      select start.run_at, case when one.waiting is not null then 'waiting'
        when start.run_at > at or lane.id is null then 'scheduled' else 'ready' end as state
    ) as own
  ), recorded as (
    insert into duckdive.runs (
      id, lane, state, wait_reason, job, version, queue, priority, requested_at, run_at,
      start_within, finish_within, start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair, seq, unique_key, unique_idle, unique_while, durable, parent, parent_entry
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, home, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release,
      case when gate_keys is not null then gates end, gate_keys, gate_limits, fair, asked.seq,
      case when unique_while & duckdive.state_bit(shape.state) <> 0 then asked.key end,
      case when unique_while & duckdive.state_bit(shape.state) = 0 then asked.key end,
      case when asked.key is not null then unique_while end,
      case when shape.parent is null then 0 when shape.parent ->> 'onEnd' = 'leave' then 12 else 4 end,
      (shape.parent ->> 'run')::uuid, shape.parent ->> 'entry'
    from (
      -- Numbered as they were asked for, and recorded in the order of their keys: so two that record the same wait for each
      -- other at the first of them and not crosswise.
      select *, nextval('duckdive.seq') as seq
      from unnest(p_ids, p_inputs, p_numbers, p_keys) with ordinality as each (id, input, number, key, place)
    ) as asked
    join shape on shape.number = asked.number
    order by asked.key, asked.seq
    on conflict do nothing
    returning id
  )
  select array_agg(id) into added from recorded;
  added := coalesce(added, '{}');
  if p_keys is not null then perform duckdive.give_signals(p_ids, p_keys, added); end if;
  if cardinality(p_known) > 0 then
    -- A snapshot that is older than a run's end shows it beside the new one, and not what it became.
    if current_setting('transaction_isolation') <> 'read committed' and exists (
      select from duckdive.runs where id = any(p_known) group by id having count(*) > 1
    ) then
      raise exception 'a run that is enqueued again has ended since this transaction began' using errcode = '40001';
    end if;
    -- In a statement of its own: what was live when the insert looked may have finished since, and is seen here.
    finished := duckdive.finished_among(p_known, at);
    if cardinality(finished) > 0 then delete from duckdive.runs where id = any(finished) and id = any(added); end if;
  end if;
  if p_is_long then
    insert into duckdive.body (run, input)
    select asked.id, asked.input from unnest(p_ids, p_inputs) as asked (id, input)
    where duckdive.is_long(asked.input) and asked.id = any(added) and asked.id <> all(finished)
    on conflict (run) do nothing;
  end if;
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  if cardinality(added) = cardinality(p_ids) and cardinality(finished) = 0 then return; end if;
  return query
  select id from unnest(p_ids) as id where id <> all(added)
  union all select unnest(finished);
end $$;

-- What a claim holds, without what was cancelled or replaced since.
drop function duckdive.claimed(uuid);
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean, gate_keys bigint[], rate_keys bigint[], is_unique boolean, durable smallint, parent uuid
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  held duckdive.claims;
  paused text[];
begin
  select * into held from duckdive.claims as claim where claim.id = p_claim;
  paused := array(select name from duckdive.pause where kind = 'job');
  return query
  with part as materialized (
    select part.id, part.seq from unnest(held.runs, held.seqs) as part (id, seq)
  )
  select run.id, run.seq, run.job, run.version, run.queue, run.priority,
    case when run.body & 1 = 1 then (select body.input from duckdive.body where body.run = run.id) else run.input::text end,
    run.attempt + 1, run.crashes, run.requested_at, run.run_at,
    held.at,
    case when run.started_at is null then run.start_by end, run.finish_by,
    run.tags::text, run.meta::text, run.job = any(paused),
    run.gate_keys,
    case when 0 > any(run.gate_limits) then array(
      select one.key from unnest(run.gate_keys, run.gate_limits) as one (key, room) where one.room < 0
    ) end,
    run.unique_while is not null, run.durable, run.parent
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
end $$;

-- Makes ready those of p_ids that are scheduled and due, or suspended until now, in the order in which they are. They are
-- locked.
create or replace function duckdive.start_due(p_ids uuid[], p_at bigint) returns integer
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  starting constant uuid[] := array(
    select id from duckdive.runs
    where id = any(p_ids) and (
      (state = 'scheduled' and run_at <= p_at) or (state = 'waiting' and wait_reason = 'entries' and wake_at <= p_at)
    )
    order by coalesce(wake_at, run_at), id
  );
  seqs bigint[];
begin
  seqs := array(select nextval('duckdive.seq') from generate_series(1, cardinality(starting)));
  perform duckdive.lane_for(kind.queue, kind.priority, kind.route, true, kind.gated, kind.fair)
  from (
    select distinct queue, priority, route, gate_keys is not null as gated, fair is not null as fair
    from duckdive.runs where id = any(starting)
  ) as kind;
  update duckdive.runs as run set
    state = 'ready', run_at = coalesce(wake_at, run_at), wait_reason = null, awaits = null, wake_at = null, xid = pg_current_xact_id(), seq = seqs[array_position(starting, run.id)],
    due = duckdive.due_of('ready', null, start_by, started_at, finish_by, p_at),
    lane = (
      select lane.id from duckdive.lane
      where lane.queue = run.queue and lane.priority = run.priority and lane.route = run.route and lane.front = (run.fair is null)
        and lane.gated = (run.gate_keys is not null) and lane.fair = (run.fair is not null)
    )
  where run.id = any(starting);
  return cardinality(starting);
end $$;

-- When somebody has to look next: the start of a scheduled run, the end of a wait or of a run's patience, the opening of a
-- rate, or an errand, any of which may be over, or the end of a queue's being held back.
create or replace function duckdive.next_due(p_now bigint) returns bigint
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  floor constant duckdive.due_state := duckdive.due_floor(at, false);
begin
  return least(
    (
      select min(run.due) from unnest(floor.pend) as p (x) cross join lateral (
        select due from duckdive.runs
        where due is not null and xid = p.x and (due, id) <= (floor.due, floor.id) limit 1
      ) as run
      where pg_visible_in_snapshot(p.x, pg_current_snapshot())
    ),
    (
      select due from duckdive.runs
      where due is not null and (due, id) > (floor.due, floor.id) order by due, id limit 1
    ),
    (select min(until) from duckdive.held_queue),
    (select errand.at from duckdive.errand order by errand.number limit 1)
  );
end $$;

-- Gives a run that rests another place. The lock of its lane is held, so no claim has it and none can be under way: it
-- keeps its seq. What waits for something else than time goes on waiting; but one in line at a gate, where its place
-- follows from what is changed, is put there again by its next claim.
create or replace function duckdive.move_run(
  p_run duckdive.runs, p_queue text, p_priority smallint, p_run_at bigint, p_at bigint
) returns void
language plpgsql volatile as $$
declare
  is_moved constant boolean := (p_priority, p_run_at) <> (p_run.priority, p_run.run_at);
  new_state constant text := case
    when p_run.state = 'waiting' and (p_run.parked_on is null or not is_moved) then 'waiting'
    when p_run_at > p_at then 'scheduled' else 'ready' end;
begin
  update duckdive.runs set
    queue = p_queue, priority = p_priority, run_at = p_run_at, state = new_state,
    lane = case when new_state = 'ready' then duckdive.lane_for(
      p_queue, p_priority, route, p_run_at < p_at, gate_keys is not null, fair is not null
    ) end,
    xid = pg_current_xact_id(),
    wait_reason = case when new_state = 'waiting' then wait_reason end,
    wait_on = case when new_state = 'waiting' then wait_on end,
    parked_on = case when new_state = 'waiting' then parked_on end,
    -- A place that it was handed waits for its claim; a later one does not take it along.
    holds = case when new_state = 'ready' then holds else duckdive.kept_among(holds, started_at, gates) end,
    due = case when new_state = 'waiting' and parked_on is not null then due
      else duckdive.due_of(
        case when wake_at is null then new_state else 'scheduled' end, coalesce(wake_at, p_run_at), start_by, started_at,
        finish_by, p_at
      ) end
  where id = p_run.id;
end $$;

-- Runs by id with all their columns, for duckdive itself; people have \`duckdive.run\`. Both tables in one statement, or a
-- run that moves from the one to the other would be nowhere.
drop function duckdive.stored(uuid[]);
create function duckdive.stored(p_ids uuid[])
returns table (
  id uuid, job text, version integer, queue text, priority smallint, state text, reason text, wait_reason text, wait_on text,
  cancel_asked text, route text, token bigint, attempt integer, crashes integer, worker text, requested_at bigint,
  run_at bigint, started_at bigint, finished_at bigint, start_by bigint, finish_by bigint, expires_at bigint, body smallint,
  input json, output json, error json, tags json, meta json, release text,
  parent uuid
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  -- Nothing ends before it was asked for; a day for clocks that differ.
  earliest constant bigint := (select min(duckdive.time_in(one)) from unnest(p_ids) as one) - 86400000;
begin
  return query
  with held as materialized (
    select part.run, part.seq, claim.worker, claim.at
    from duckdive.claims as claim cross join lateral unnest(claim.runs, claim.seqs) as part (run, seq)
    where part.run = any(p_ids)
  )
  select live.id, live.job, live.version, live.queue, live.priority,
    case when held.run is null then live.state else 'running' end, null::text,
    live.wait_reason, coalesce(live.wait_on, live.awaits), live.cancel_asked, live.route, live.seq,
    live.attempt + (held.run is not null)::integer, live.crashes, held.worker, live.requested_at, live.run_at,
    coalesce(held.at, live.started_at), null::bigint, live.start_by, live.finish_by,
    null::bigint, live.body, live.input, null::json, live.error, live.tags, live.meta, live.release, live.parent
  from duckdive.runs as live left join held on held.run = live.id and held.seq = live.seq
  where live.id = any(p_ids)
  union all
  select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null, null, '',
    past.token, past.attempt, past.crashes, null, past.requested_at, past.run_at, past.started_at, past.finished_at,
    past.start_by, past.finish_by, past.expires_at, past.body, past.input, past.output, past.error, past.tags, past.meta,
    past.release, past.parent
  from duckdive.history as past where past.id = any(p_ids) and past.finished_at >= earliest;
end $$;

-- Every run as one row, live or ended, with readable times.
create or replace view duckdive.run as
select live.id, live.job, live.version, live.queue, live.priority,
  case when held.id is null then live.state else 'running' end as state, null::text as reason,
  live.wait_reason as waiting_for, coalesce(live.wait_on, live.awaits) as waiting_on,
  live.attempt + (held.id is not null)::integer as attempt, live.crashes, held.worker, live.cancel_asked,
  to_timestamp(live.requested_at / 1000.0) as requested_at, to_timestamp(live.run_at / 1000.0) as run_at,
  to_timestamp(coalesce(held.at, live.started_at) / 1000.0) as started_at, null::timestamptz as finished_at,
  case when live.body & 1 = 1 then body.input::json else live.input end as input,
  null::json as output,
  case when live.body & 4 = 4 then body.error::json else live.error end as error,
  live.tags, live.meta, live.release, live.parent
from duckdive.runs as live
left join duckdive.held on held.id = live.id
left join duckdive.body on body.run = live.id and live.body <> 0
union all
select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null,
  past.attempt, past.crashes, past.worker, null,
  to_timestamp(past.requested_at / 1000.0), to_timestamp(past.run_at / 1000.0),
  to_timestamp(past.started_at / 1000.0), to_timestamp(past.finished_at / 1000.0),
  case when past.body & 1 = 1 then body.input::json else past.input end,
  case when past.body & 2 = 2 then body.output::json else past.output end,
  case when past.body & 4 = 4 then body.error::json else past.error end,
  past.tags, past.meta, past.release, past.parent
from duckdive.history as past
left join duckdive.body on body.run = past.id and past.body <> 0;

-- One that has not ended, and is not running.
create or replace function duckdive.adopt_live(item record, p_now bigint) returns void
language plpgsql volatile as $$
declare
  in_line constant boolean := item.wait_reason is not distinct from 'admission';
  new_state constant text := case when in_line then 'ready' else item.state end;
  suspended constant boolean := item.wait_reason is not distinct from 'entries';
  -- When the first of what it waits for is due.
  wake constant bigint := case when suspended then (
    select min(entry.due_at) from json_to_recordset(item.entries) as entry (name text, due_at bigint)
    where entry.name = any(duckdive.awaited(item.wait_on))
  ) end;
begin
  insert into duckdive.runs (
    id, lane, state, job, version, queue, priority, route, attempt, crashes, requested_at, run_at, started_at, start_within,
    finish_within, start_by, finish_by, wait_reason, wait_on, due, body, input, error, tags, meta, release,
    gates, gate_keys, gate_limits, fair, awaits, wake_at
  ) values (
    item.id,
    case when new_state = 'ready' then duckdive.lane_for(
      item.queue, item.priority, coalesce(item.route, ''), true, item.gates is not null, item.fair is not null
    ) end,
    new_state, item.job, item.version, item.queue, item.priority, coalesce(item.route, ''), item.attempt, item.crashes,
    item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by, item.finish_by,
    case when not in_line then item.wait_reason end, case when not in_line and not suspended then item.wait_on end,
    duckdive.due_of(
      case when wake is null then new_state else 'scheduled' end, coalesce(wake, item.run_at), item.start_by,
      item.started_at, item.finish_by, p_now
    ),
    item.long_input::integer + 4 * item.long_error::integer,
    case when not item.long_input then item.input::json end, case when not item.long_error then item.error::json end,
    item.tags, item.meta, item.release,
    item.gates, duckdive.keys_of(item.gates), duckdive.limits_of(item.gates), item.fair,
    case when suspended then item.wait_on end, wake
  );
end $$;

-- What stands beside a run.
create or replace function duckdive.adopt_belongings(item record, p_now bigint) returns void
language plpgsql volatile as $$
begin
  if item.long_input or item.long_output or item.long_error then
    insert into duckdive.body (run, input, output, error) values (
      item.id, case when item.long_input then item.input end, case when item.long_output then item.output end,
      case when item.long_error then item.error end
    );
  end if;
  insert into duckdive.event (run, at, kind, attempt, token, worker, detail)
  select item.id, at, kind, attempt, token, worker, detail
  from json_to_recordset(item.events) as event (
    at bigint, kind text, attempt integer, token bigint, worker text, detail json
  );
  insert into duckdive.log (run, at, attempt, level, message, fields)
  select item.id, at, attempt, level, message, fields
  from json_to_recordset(item.logs) as line (at bigint, attempt integer, level text, message text, fields json);
  if json_array_length(item.entries) > 0 then
    insert into duckdive.entry (
      run, name, kind, hash, state, position, value, error, due_at, attempts, number, written_at
    )
    select item.id, name, kind, hash, state, position, value, error, due_at, coalesce(attempts, 0),
      case when kind = 'signal' and state = 'pending' then nextval('duckdive.seq') end, coalesce(written_at, p_now)
    from rows from (json_to_recordset(item.entries) as (
      name text, kind text, hash text, state text, position integer, value text, error json, due_at bigint, attempts integer,
      written_at bigint
    )) with ordinality as entry (name, kind, hash, state, position, value, error, due_at, attempts, written_at, place)
    order by entry.place;
    update duckdive.runs set durable = 1 where id = item.id;
    update duckdive.history set durable = 1 where id = item.id and finished_at = item.finished_at;
  end if;
  insert into duckdive.signal (id, run, name, payload, received_at)
  select came.id, item.id, came.name, came.payload, p_now
  from rows from (json_to_recordset(item.signals) as (id text, name text, payload text))
    with ordinality as came (id, name, payload, place)
  order by came.place
  on conflict (id) do nothing;
  if item.progress is not null then
    insert into duckdive.progress (run, at, done, total, note)
    select item.id, p_now, done, total, note
    from json_to_record(item.progress) as progress (done double precision, total double precision, note text);
  end if;
end $$;

-- Records runs as they stood in another store; one that is here already is left alone. Answers which were recorded. The
-- partitions for those that have ended are there. Ready ones stand in front, since they come with an age.
-- Those that were in line at a gate ask for it anew: places do not move.
create or replace function duckdive.adopt(p_items json, p_token bigint, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
begin
  -- Far ahead, because somebody may be taking numbers at this moment: tokens must rise.
  if p_token > (select last_value from duckdive.seq) then perform setval('duckdive.seq', p_token + 1000000); end if;
  for item in
    select one.*, coalesce(duckdive.is_long(one.input), false) as long_input,
      coalesce(duckdive.is_long(one.output), false) as long_output, coalesce(duckdive.is_long(one.error), false) as long_error
    from json_to_recordset(p_items) as one (
      id uuid, state text, reason text, job text, version integer, queue text, priority smallint, route text, token bigint,
      attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint, finished_at bigint,
      expires_at bigint, start_within bigint, finish_within bigint, start_by bigint, finish_by bigint, wait_reason text,
      wait_on text, input text, output text, error text, tags json, meta json, release text, progress json, events json,
      logs json, entries json, gates json, fair text, signals json
    )
    order by run_at, id
  loop
    continue when exists (select from duckdive.history where id = item.id)
      or exists (select from duckdive.runs where id = item.id);
    if item.finished_at is null then
      perform duckdive.adopt_live(item, at);
    else
      insert into duckdive.history (
        id, keep_class, finished_at, expires_at, state, reason, token, job, version, queue, priority, attempt, crashes,
        requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
        tags, meta, release, gates, fair
      ) values (
        item.id, duckdive.class_of(item.expires_at - item.finished_at), item.finished_at, item.expires_at, item.state,
        item.reason, item.token, item.job, item.version, item.queue, item.priority, item.attempt, item.crashes,
        item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by,
        item.finish_by, item.long_input::integer + 2 * item.long_output::integer + 4 * item.long_error::integer,
        case when not item.long_input then item.input::json end,
        case when not item.long_output then item.output::json end,
        case when not item.long_error then item.error::json end, item.tags, item.meta, item.release,
        item.gates, item.fair
      );
    end if;
    perform duckdive.adopt_belongings(item, at);
    return next item.id;
  end loop;
end $$;

-- Whether a durable run has gone on from an execution: a suspension leaves no event, and a run that rests has a higher token
-- than it had while it ran. A claim that a crash undid leaves the token as it was.
create function duckdive.has_gone_on(p_run uuid, p_token bigint) returns boolean
language sql stable as $$
  select exists (select from duckdive.entry where run = p_run) and (
    exists (select from duckdive.runs where id = p_run and seq > p_token)
    or exists (select from duckdive.history where id = p_run and token > p_token)
  )
$$;

-- As in 0009; a suspension is a rest too.
create or replace function duckdive.outcome_of(p_run uuid, p_token bigint, p_worker text) returns text
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
          and detail ->> 'cause' is distinct from 'its claim was never answered'
        limit 1
      ),
      case when duckdive.has_gone_on(p_run, p_token) then 'rests' end
    )
  end
$$;

-- As in 0013; what was suspended is explained.
create or replace function duckdive.unexplained(p_deaths json)
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
    and not duckdive.has_gone_on(seen.run, seen.token)
$$;
`,
  },
  {
    number: 19,
    name: "flow",
    sql: `-- Flow: runs that begin anew, runs that come after others, and runs that are counted together.
--
-- No settlement waits for an application's transaction, and none pays for what it has nothing to do with. So what an end
-- means to others is a row that is written with it, and worked off right behind the commit, or by the next promotion. Whoever
-- records that a run comes after others locks none of those: it leaves a row for each, and whoever works that off marks
-- the other run, if it lives, or looks at how it ended. A run that was marked says of its end by itself; one that ends
-- before finds the row, or whoever works that off finds the end.
--
-- Whoever works something off waits for no row. A run that comes after others is looked at under the lock of its row, by a
-- statement that begins behind that: so of two that let go the last two of what it waits for, the second sees both.

alter table duckdive.runs add column batch uuid;
alter table duckdive.history add column batch uuid;

create index runs_batch on duckdive.runs (batch) where batch is not null;
create index history_batch on duckdive.history (batch) where batch is not null;

-- The bits of \`durable\` go on: 16 others come after this run, 32 it comes after others, 64 it is counted in a batch.

-- Who comes after whom.
create table duckdive.dependency (
  run uuid not null,               -- comes after …
  needs uuid not null,             -- … this one, which may be gone
  policy smallint not null,        -- what a failure does: 0 fail, 1 cancel, 2 run
  is_open boolean not null,        -- it has not ended in a way that is fine
  primary key (run, needs)
);

create index dependency_open on duckdive.dependency (run, needs) where is_open;
create index dependency_needs on duckdive.dependency (needs) where is_open;

-- Of which it has to be found out how the one stands that the other comes after.
create table duckdive.link (
  run uuid not null,
  needs uuid not null,
  primary key (run, needs)
);

create index link_needs on duckdive.link (needs);

-- Ends that those have to hear of who come after the run.
create table duckdive.over (
  number bigint primary key default nextval('duckdive.number'),
  run uuid not null,
  how text not null check (how in ('succeeded', 'failed', 'cancelled', 'removed'))
);

create index over_run on duckdive.over (run);

-- Children of runs that have begun anew, which end as they would at the end of those.
create table duckdive.stray (
  run uuid primary key,
  parent uuid not null
);

create index stray_parent on duckdive.stray (parent);

create table duckdive.batch (
  id uuid primary key,
  name text not null,
  batch uuid,                      -- the one that it is counted in, as one run …
  counted text not null default 'open' check (counted in ('open', 'succeeded', 'failed', 'cancelled')), -- … and as what
  total bigint not null default 0,
  succeeded bigint not null default 0,
  failed bigint not null default 0,
  cancelled bigint not null default 0,
  elsewhere json,                  -- these four as other stores have counted, by their nonces
  on_success json,                 -- the run to record, as it was asked for and as a shape
  on_finished json,                -- likewise
  created_at bigint not null,
  finished_at bigint,
  succeeded_at bigint
);

create index batch_outer on duckdive.batch (batch) where batch is not null;
create index batch_finished on duckdive.batch (finished_at) where finished_at is not null;

-- Changes of a batch's counts that are not in its row yet.
create table duckdive.batch_change (
  number bigint primary key default nextval('duckdive.number'),
  batch uuid not null,
  run uuid,                        -- whose end it is
  total integer not null default 0,
  succeeded integer not null default 0,
  failed integer not null default 0,
  cancelled integer not null default 0
);

create index batch_change_batch on duckdive.batch_change (batch);
create index batch_change_run on duckdive.batch_change (run);

alter table duckdive.link set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);
alter table duckdive.over set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);
alter table duckdive.batch_change set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);
alter table duckdive.batch set (
  fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);

-- ── Beginning anew ──────────────────────────────────────────────────────────────────────────────────────────────

-- Gives a run whose row is locked another input and an empty record but for one entry, as at its first claim. Answers
-- whether it had children, which are left behind as strays.
create function duckdive.begin_anew(p_run uuid, p_durable smallint, p_restart json, p_at bigint) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  new_input constant text := p_restart ->> 'input';
  is_long constant boolean := coalesce(duckdive.is_long(new_input), false);
begin
  delete from duckdive.entry where run = p_run;
  insert into duckdive.entry (run, name, kind, state, position, value, attempts, written_at)
  select p_run, name, kind, state, 1, value, 0, p_at
  from json_to_record(p_restart -> 'entry') as entry (name text, kind text, state text, value text);
  if is_long then
    insert into duckdive.body (run, input) values (p_run, new_input)
    on conflict (run) do update set input = excluded.input;
  end if;
  update duckdive.runs set
    input = case when not is_long then new_input::json end, body = (body & 6) | is_long::integer, attempt = 0, crashes = 0,
    durable = (durable & ~2) | 1
  where id = p_run;
  if p_durable & 2 = 0 then return false; end if;
  delete from duckdive.child where parent = p_run;
  insert into duckdive.stray (run, parent)
  select live.id, p_run from duckdive.runs as live where live.parent = p_run and live.durable & 8 = 0
  on conflict do nothing;
  return found;
end $$;

-- Ends strays that rest, asks for the end of those that run. Lanes are locked by this, so it comes before all else.
create function duckdive.end_strays(
  p_parents uuid[], p_limit integer, p_at bigint, out ended uuid[], out asked boolean, out keys bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  reason constant text := 'its parent has ended';
  strays uuid[];
  lanes integer[];
  held_runs uuid[];
  held_workers text[];
  place integer;
  run duckdive.runs;
begin
  ended := '{}';
  asked := false;
  keys := '{}';
  if p_parents is null then
    strays := array(select stray.run from duckdive.stray order by stray.run limit p_limit for update skip locked);
  else
    strays := array(
      select stray.run from duckdive.stray where stray.parent = any(p_parents) order by stray.run limit p_limit for update skip locked
    );
  end if;
  if cardinality(strays) = 0 then return; end if;
  lanes := duckdive.lock_lanes_of(strays);
  strays := array(
    select stray.run from duckdive.stray where stray.run = any(strays) and not exists (
      select from duckdive.runs as live where live.id = stray.run
    )
  ) || array(select live.id from duckdive.runs as live where live.id = any(strays) order by live.id for update skip locked);
  select array_agg(held.id), array_agg(held.worker) into held_runs, held_workers from duckdive.held where held.id = any(strays);
  for run in
    select * from duckdive.runs as live
    where live.id = any(strays) and live.cancel_asked is null and (live.lane is null or live.lane = any(lanes))
    order by live.id
  loop
    place := array_position(held_runs, run.id);
    if place is not null then
      perform duckdive.append_event(
        run.id, 'cancelAsked', json_build_object('reason', reason), run.attempt + 1, run.seq, held_workers[place], p_at
      );
      update duckdive.runs set cancel_asked = reason where id = run.id;
      asked := true;
      continue;
    end if;
    perform duckdive.append_event(run.id, 'cancelled', json_build_object('reason', reason), run.attempt, run.seq, null, p_at);
    perform duckdive.end_run(run.id, 'cancelled', reason, null, null, null, 0, 0, null, null, p_at);
    ended := ended || run.id;
    keys := keys || coalesce(run.gate_keys, '{}');
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  delete from duckdive.stray where stray.run = any(strays) and not exists (
    select from duckdive.runs as live where live.id = stray.run and live.cancel_asked is null
  );
end $$;

-- Tells parents of children that have ended at those times: settles the call of a single child, and that of many behind the
-- last. A child from before its parent began anew is none of a call that has its name by now. Answers those children whose
-- parent somebody else has locked, and whether one was woken.
create or replace function duckdive.tell_parents(
  p_children uuid[], p_parents uuid[], p_entries text[], p_times bigint[], p_at bigint, out missed uuid[], out woken boolean
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  locked constant uuid[] := array(
    select live.id from duckdive.runs as live where live.id = any(p_parents) order by live.id for update skip locked
  );
  told record;
  ended record;
begin
  woken := false;
  for told in
    select own.run, own.name, own.kind, (array_agg(each.child order by each.place))[1] as child,
      (array_agg(each.time order by each.place))[1] as time
    from unnest(p_children, p_parents, p_entries, p_times) with ordinality as each (child, parent, entry, time, place)
    join duckdive.entry as own on own.run = each.parent and own.name = each.entry
    where each.parent = any(locked) and own.state = 'pending' and exists (
      select from duckdive.child
      where child.parent = each.parent and child.entry = each.entry and child.run = each.child
    )
    group by own.run, own.name, own.kind order by min(each.place)
  loop
    if told.kind = 'child' then
      ended := duckdive.end_of(told.child, told.time);
      continue when ended.is_live;
      woken := duckdive.settle_entry(told.run, told.name, ended.state, ended.value, ended.error, true, p_at) or woken;
    elsif not duckdive.has_live_child(told.run, told.name) then
      woken := duckdive.settle_entry(told.run, told.name, 'done', null, null, true, p_at) or woken;
    end if;
  end loop;
  missed := array(
    select each.child from unnest(p_children, p_parents) as each (child, parent)
    where each.parent <> all(locked) and exists (select from duckdive.runs as live where live.id = each.parent)
  );
end $$;

-- ── Ends ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Leaves behind what others have to hear of the end of a run, or of its removal.
create function duckdive.leave_flow(p_run duckdive.runs, p_how text) returns void
language plpgsql volatile as $$
begin
  if p_run.durable & 16 <> 0 then insert into duckdive.over (run, how) values (p_run.id, p_how); end if;
  if p_run.batch is not null then
    insert into duckdive.batch_change (batch, run, succeeded, failed, cancelled) values (
      p_run.batch, p_run.id, (p_how = 'succeeded')::integer, (p_how = 'failed')::integer,
      (p_how in ('cancelled', 'removed'))::integer
    );
  end if;
end $$;

-- Whether something was left behind about these runs, or batches. Indexes: over_run, link_needs, the primary key of link,
-- batch_change_run, batch_change_batch, stray_parent.
create function duckdive.has_flow(p_subjects uuid[]) returns boolean
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return exists (select from duckdive.over where run = any(p_subjects))
    or exists (select from duckdive.link where needs = any(p_subjects))
    or exists (select from duckdive.link where run = any(p_subjects))
    or exists (select from duckdive.batch_change where run = any(p_subjects))
    or exists (select from duckdive.batch_change where batch = any(p_subjects))
    or exists (select from duckdive.stray where parent = any(p_subjects));
end $$;

-- Moves a run to history. The caller has made sure, under the run's row lock, that it is where he believes.
-- p_attempts and p_crashes are added; without p_keep it is kept for 90 days. Only what was said last stays as its error. What
-- has to be told of its end is left behind as errands, unless the caller tells it himself.
create or replace function duckdive.end_run(
  p_id uuid, p_state text, p_reason text, p_output text, p_error text, p_keep bigint, p_attempts integer,
  p_crashes integer, p_started_at bigint, p_worker text, p_now bigint, p_tells boolean default true
) returns void
language plpgsql volatile as $$
declare
  live duckdive.runs;
  keep constant bigint := coalesce(p_keep, 7776000000);
begin
  delete from duckdive.runs where id = p_id returning * into live;
  if duckdive.is_long(p_output) or duckdive.is_long(p_error) then
    insert into duckdive.body (run, output, error)
    values (
      p_id, case when duckdive.is_long(p_output) then p_output end, case when duckdive.is_long(p_error) then p_error end
    )
    on conflict (run) do update set output = excluded.output, error = excluded.error;
  end if;
  insert into duckdive.history (
    id, keep_class, finished_at, expires_at, state, reason, token, worker, job, version, queue, priority, attempt, crashes,
    requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
    tags, meta, release, gates, fair,
    unique_key, unique_while, durable, parent, parent_entry, batch
  ) values (
    p_id, duckdive.class_of(keep), p_now, p_now + keep, p_state, p_reason, live.seq, p_worker, live.job, live.version,
    live.queue, live.priority, live.attempt + p_attempts, live.crashes + p_crashes, live.requested_at, live.run_at,
    coalesce(p_started_at, live.started_at), live.start_within, live.finish_within, live.start_by, live.finish_by,
    (live.body & 1) | case when duckdive.is_long(p_output) then 2 else 0 end
      | case when duckdive.is_long(p_error) then 4 else 0 end,
    live.input, case when not duckdive.is_long(p_output) then p_output::json end,
    case when not duckdive.is_long(p_error) then p_error::json end, live.tags, live.meta, live.release,
    live.gates, live.fair,
    coalesce(live.unique_key, live.unique_idle), live.unique_while,
    live.durable, live.parent, live.parent_entry, live.batch
  );
  if live.durable & 80 <> 0 then perform duckdive.leave_flow(live, p_state); end if;
  if p_tells and live.durable & 6 <> 0 then perform duckdive.leave_word(live, p_now); end if;
end $$;

-- Ends executions in every way. Answers for each the state its run is in by that; null: refused. \`unfinished\` are runs of
-- which an errand was left behind, \`due\` is when the first of those that were suspended is to be woken.
--
-- Whoever parks a run shares a lock with all who do, and excludes registrations and the ends of pauses: otherwise each
-- might miss what the other has not committed yet, and the run would sleep for ever.
create or replace function duckdive.settle_all(
  p_items json, p_done uuid[], p_now bigint, out answers text[], out unfinished uuid[], out due bigint
)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  one record;
  told record;
  children uuid[] := '{}';
  parents uuid[] := '{}';
  entries text[] := '{}';
begin
  answers := array_fill(null::text, array[json_array_length(p_items)]);
  unfinished := '{}';
  if exists (
    select from json_array_elements(p_items) as i
    where i -> 'waiting' is not null and i -> 'waiting' ->> 'reason' is distinct from 'entries'
  ) then
    perform pg_advisory_xact_lock_shared('duckdive.runs'::regclass::oid::integer, 0);
  end if;
  -- In the order of ids, since that is how row locks are taken everywhere; of two of one run the first asked counts.
  for item in
    select i.value, i.number, (i.value ->> 'run')::uuid as run
    from json_array_elements(p_items) with ordinality as i (value, number)
    order by i.value ->> 'run', i.number
  loop
    one := duckdive.settle_one(item.value, at);
    answers[item.number] := one.answer;
    due := least(due, one.wake_at);
    if one.has_children and duckdive.leave_children(item.run, at) then unfinished := unfinished || item.run; end if;
    if one.has_flow and unfinished[cardinality(unfinished)] is distinct from item.run then unfinished := unfinished || item.run; end if;
    if one.parent is not null then
      children := children || item.run;
      parents := parents || one.parent;
      entries := entries || one.entry;
    end if;
  end loop;
  if cardinality(children) > 0 then
    told := duckdive.tell_parents(children, parents, entries, array_fill(at, array[cardinality(children)]), at);
    insert into duckdive.errand (kind, subject, parent, entry, at)
    select 'tell', each.child, each.parent, each.entry, at
    from unnest(children, parents, entries) as each (child, parent, entry) where each.child = any(told.missed);
    unfinished := unfinished || told.missed;
  end if;
  unfinished := unfinished || duckdive.linked_among(array(select (i ->> 'run')::uuid from json_array_elements(p_items) as i));
  delete from duckdive.claims where id = any(p_done);
end $$;

-- Of these runs those that somebody comes after without their having been marked for it yet.
create function duckdive.linked_among(p_runs uuid[]) returns uuid[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  one uuid;
begin
  -- Nearly always there is none at all, which is seen at once.
  select link.run into one from duckdive.link limit 1;
  if not found then return '{}'; end if;
  return array(select distinct link.needs from duckdive.link where link.needs = any(p_runs));
end $$;

-- Ends one execution, or begins its run anew. For the caller to tell: who its parent is, by which call, and whether it has
-- children, if it ended; when it is to be woken, if it was suspended; whether something else was left behind.
drop function duckdive.settle_one(json, bigint);
create function duckdive.settle_one(
  p_item json, p_at bigint, out answer text, out parent uuid, out entry text, out has_children boolean, out wake_at bigint,
  out has_flow boolean
)
language plpgsql volatile as $$
declare
  run record;
  one record;
  counted constant integer := case when (p_item ->> 'giveBack')::boolean then 0 else 1 end;
  event json;
  rest record;
begin
  has_children := false;
  has_flow := false;
  select * into one from json_to_record(p_item) as asked (
    run uuid, token bigint, claim uuid, state text, reason text, output text, error json, keep bigint
  );
  select live.*, claim.worker, claim.at as claimed_at into run
  from duckdive.runs as live, duckdive.claims as claim
  where live.id = one.run and live.seq = one.token and claim.id = one.claim
  for update of live;
  if not found then return; end if;
  for event in select * from json_array_elements(p_item -> 'events') loop
    perform duckdive.append_event(
      run.id, event ->> 'kind', event -> 'detail', run.attempt + 1, run.seq, run.worker, p_at
    );
  end loop;
  if one.state in ('succeeded', 'failed', 'cancelled') or run.cancel_asked is not null then
    answer := one.state;
    if one.state not in ('succeeded', 'failed', 'cancelled') then
      answer := 'cancelled';
      one.reason := run.cancel_asked;
      one.output := null;
      perform duckdive.append_event(
        run.id, 'cancelled', json_build_object('reason', run.cancel_asked), run.attempt + 1, run.seq, run.worker, p_at
      );
    end if;
    perform duckdive.end_run(
      run.id, answer, one.reason, one.output, one.error::text, one.keep, counted, 0, run.claimed_at, run.worker, p_at, false
    );
    if run.durable & 4 <> 0 then
      parent := run.parent;
      entry := run.parent_entry;
    end if;
    has_children := run.durable & 2 <> 0;
    has_flow := run.durable & 80 <> 0;
    return;
  end if;
  if p_item -> 'restart' is not null then
    has_flow := duckdive.begin_anew(run.id, run.durable, p_item -> 'restart', p_at);
  end if;
  rest := duckdive.rest_of(p_item, run.job, run.run_at, run.route, p_at);
  if rest.route <> run.route then
    perform duckdive.append_event(
      run.id, 'unparked', json_build_object('reason', 'worker', 'on', rest.route), run.attempt + 1, run.seq, run.worker, p_at
    );
  end if;
  perform duckdive.rest_run(
    run.id, rest.state, rest.run_at, rest.route, rest.wait_reason, rest.wait_on, one.error::text, counted, 0,
    -- Claimed only to be parked: that was no start.
    case when (p_item -> 'waiting' ->> 'reason') in ('worker', 'paused') then null else run.claimed_at end,
    rest.run_at < p_at, p_at, rest.wake_at
  );
  answer := rest.state;
  wake_at := rest.wake_at;
end $$;

-- Ends an execution in a transaction of the application, having written what it said, and records what follows it. Answers
-- the state its run is in by that, 'refused', or 'elsewhere'; and whether something was left behind. What its end is to others
-- is done behind the commit: nobody else shall wait for this transaction.
create function duckdive.settle_inside(
  p_item json, p_notes json, p_run uuid, p_token bigint, p_claim uuid, p_now bigint, p_notice text, p_nonce text,
  out answer text, out has_flow boolean
)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  one record;
begin
  has_flow := false;
  answer := 'elsewhere';
  if p_nonce <> (select nonce from duckdive.meta) then return; end if;
  if json_array_length(p_notes) > 0 then perform duckdive.write_notes(p_notes, at); end if;
  answer := 'refused';
  if not duckdive.hold_run(p_run, p_token, p_claim) then return; end if;
  one := duckdive.settle_one(p_item, at);
  if one.answer is null then return; end if;
  answer := one.answer;
  has_flow := one.has_flow or cardinality(duckdive.linked_among(array[p_run])) > 0;
  if one.parent is not null then
    insert into duckdive.errand (kind, subject, parent, entry, at) values ('tell', p_run, one.parent, one.entry, at);
  end if;
  if one.has_children then perform duckdive.leave_children(p_run, at); end if;
  perform duckdive.follow(p_item -> 'follow', p_now);
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.settle_in(
  p_item json, p_notes json, p_run uuid, p_token bigint, p_claim uuid, p_now bigint, p_notice text, p_nonce text
) returns text
language sql volatile as $$
  select answer from duckdive.settle_inside(p_item, p_notes, p_run, p_token, p_claim, p_now, p_notice, p_nonce)
$$;

-- Ends executions that succeeded and say nothing else, as \`settle_plain\` does. Answers those that were taken, null for all,
-- and of which something was left behind.
create function duckdive.settle_quickly(
  p_runs uuid[], p_tokens bigint[], p_claims uuid[], p_outputs text[], p_keeps bigint[], p_done uuid[], p_now bigint,
  out taken uuid[], out unfinished uuid[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  taken := duckdive.settle_plain(p_runs, p_tokens, p_claims, p_outputs, p_keeps, p_done, p_now);
  unfinished := duckdive.linked_among(p_runs);
  -- Ended by \`settle_all\`: they were marked after they had been claimed.
  if taken is not null then
    unfinished := unfinished || array(
      select one.run from unnest(taken) as one (run)
      where exists (select from duckdive.over where over.run = one.run offset 0)
        or exists (select from duckdive.batch_change as own where own.run = one.run offset 0)
        or exists (select from duckdive.errand where errand.subject = one.run offset 0)
    );
  end if;
end $$;

-- ── Dependencies ────────────────────────────────────────────────────────────────────────────────────────────────

-- Whether a run comes after one that has not ended in a way that is fine.
create function duckdive.is_held_back(p_run uuid) returns boolean
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return exists (select from duckdive.dependency where run = p_run and is_open);
end $$;

-- Somebody tries a run again: whether it has to wait for those that are there and have not succeeded.
create function duckdive.waits_again(p_run uuid) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  needed uuid[];
begin
  update duckdive.dependency as pair set is_open = false
  where pair.run = p_run and pair.is_open
    and not exists (select from duckdive.runs as live where live.id = pair.needs)
    and not exists (select from duckdive.history as past where past.id = pair.needs and past.state <> 'succeeded');
  needed := array(select needs from duckdive.dependency as pair where pair.run = p_run and pair.is_open order by needs);
  if cardinality(needed) = 0 then return false; end if;
  -- One of them may have been recorded anew, and know nothing of this.
  insert into duckdive.link (run, needs)
  select p_run, live.id from duckdive.runs as live where live.id = any(needed) on conflict do nothing;
  update duckdive.history set durable = durable | 16 where id = any(needed) and durable & 16 = 0;
  return true;
end $$;

-- Leaves it behind that runs are gone which have ended, for those that were tried again and wait for them.
create function duckdive.forsake(p_runs uuid[]) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  insert into duckdive.over (run, how)
  select distinct pair.needs, 'removed' from duckdive.dependency as pair
  where pair.needs = any(p_runs) and pair.is_open
    and exists (select from duckdive.runs as live where live.id = pair.run)
    and not exists (select from duckdive.runs as live where live.id = pair.needs);
end $$;

-- Makes runs ready, or scheduled, that wait for nobody any more, and whose rows are locked. p_causes let them go; null where
-- nobody did. Answers when the first of those is due that have a time.
create function duckdive.let_go(p_runs uuid[], p_causes uuid[], p_at bigint) returns bigint
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  first bigint;
begin
  perform duckdive.lane_for(kind.queue, kind.priority, kind.route, true, kind.gated, kind.fair)
  from (
    select distinct queue, priority, route, gate_keys is not null as gated, fair is not null as fair
    from duckdive.runs where id = any(p_runs) and run_at <= p_at
  ) as kind;
  insert into duckdive.event (run, at, kind, attempt, token, worker, detail)
  select live.id, p_at, 'unparked', live.attempt, live.seq, null, json_build_object('reason', 'dependency', 'on', each.cause)
  from unnest(p_runs, p_causes) as each (run, cause) join duckdive.runs as live on live.id = each.run
  where live.id = any(p_runs) and each.cause is not null;
  with moved as (
    update duckdive.runs as live set
      state = case when live.run_at > p_at then 'scheduled' else 'ready' end, run_at = greatest(live.run_at, p_at),
      xid = pg_current_xact_id(), seq = given.seq, wait_reason = null, wait_on = null,
      due = duckdive.due_of(
        case when live.run_at > p_at then 'scheduled' else 'ready' end, live.run_at, live.start_by, live.started_at,
        live.finish_by, p_at
      ),
      lane = case when live.run_at <= p_at then (
        select lane.id from duckdive.lane
        where lane.queue = live.queue and lane.priority = live.priority and lane.route = live.route
          and lane.front = (live.fair is null) and lane.gated = (live.gate_keys is not null) and lane.fair = (live.fair is not null)
      ) end
    from (
      select old.id, nextval('duckdive.seq') as seq from (
        select own.id from duckdive.runs as own where own.id = any(p_runs) order by own.seq
      ) as old
    ) as given
    where live.id = any(p_runs) and live.id = given.id
    returning live.state, live.run_at
  )
  select min(moved.run_at) into first from moved where moved.state = 'scheduled';
  return first;
end $$;

-- Ends a run that comes after one which did not succeed. Its row is locked.
create function duckdive.end_forsaken(p_run duckdive.runs, p_policy smallint, p_cause uuid, p_how text, p_at bigint) returns void
language plpgsql volatile as $$
declare
  error constant json := json_build_object(
    'name', 'DependencyError', 'code', 'DEPENDENCY',
    'message', 'run ' || p_cause || ', after which it was to come, ' || case p_how
      when 'failed' then 'failed' when 'cancelled' then 'was cancelled' else 'was removed before it had ended' end,
    'data', json_build_object('run', p_cause)
  );
begin
  if p_policy = 1 then
    perform duckdive.append_event(
      p_run.id, 'cancelled', json_build_object('reason', 'dependency', 'run', p_cause), p_run.attempt, p_run.seq, null, p_at
    );
  else
    perform duckdive.append_event(p_run.id, 'failed', error, p_run.attempt, p_run.seq, null, p_at);
  end if;
  perform duckdive.end_run(
    p_run.id, case when p_policy = 1 then 'cancelled' else 'failed' end, 'dependency', null, error::text, null, 0, 0, null, null,
    p_at
  );
end $$;

-- Does to runs what the ends of others mean for them; each triple is a run, one that it comes after, and how that ended, or null
-- when nothing is known but that it has to be looked whether it is free. A run that somebody has locked is left for another
-- time, by a link. Answers who ended, and when the first of those is due that were let go and have a time.
create function duckdive.meet_ends(
  p_runs uuid[], p_needs uuid[], p_hows text[], p_at bigint, out ended uuid[], out freed boolean, out due bigint
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  locked constant uuid[] := array(
    select live.id from duckdive.runs as live where live.id = any(p_runs) order by live.id for update skip locked
  );
  busy constant uuid[] := array(
    select live.id from duckdive.runs as live where live.id = any(p_runs)
    except select unnest(locked)
  );
  free uuid[];
  causes uuid[];
  item record;
  run duckdive.runs;
  policy smallint;
begin
  ended := '{}';
  freed := false;
  if cardinality(busy) > 0 then
    insert into duckdive.link (run, needs)
    select each.run, each.needs from unnest(p_runs, p_needs) as each (run, needs) where each.run = any(busy)
    on conflict do nothing;
  end if;
  -- The rows are locked, and each of these begins behind that: what others have closed is seen.
  for item in
    select each.run, each.needs, each.how from unnest(p_runs, p_needs, p_hows) as each (run, needs, how)
    where each.how is not null and each.run <> all(busy)
  loop
    update duckdive.dependency as pair set is_open = false
    where pair.run = item.run and pair.needs = item.needs and pair.is_open and (item.how = 'succeeded' or pair.policy = 2);
    continue when found;
    select * into run from duckdive.runs as live
    where live.id = item.run and live.state = 'waiting' and live.wait_reason in ('dependency', 'preparation');
    continue when not found;
    select pair.policy into policy from duckdive.dependency as pair
    where pair.run = item.run and pair.needs = item.needs and pair.is_open;
    continue when not found;
    perform duckdive.end_forsaken(run, policy, item.needs, item.how, p_at);
    ended := ended || item.run;
  end loop;
  select array_agg(each.run), array_agg(each.cause) into free, causes from (
    select one.run, min(one.needs::text) filter (where one.how is not null) ::uuid as cause
    from unnest(p_runs, p_needs, p_hows) as one (run, needs, how)
    join duckdive.runs as live on live.id = one.run
    where live.id = any(locked) and live.state = 'waiting' and live.wait_reason = 'dependency'
      and not duckdive.is_held_back(live.id)
    group by one.run
  ) as each;
  if free is null then return; end if;
  due := duckdive.let_go(free, causes, p_at);
  freed := true;
end $$;

-- Finds out about links: marks those runs that others come after, so that their end is told, and answers how those ended that
-- have.
-- What somebody has locked is left for another time.
create function duckdive.look_at_links(
  p_subjects uuid[], p_limit integer, out runs uuid[], out needs uuid[], out hows text[], out done integer
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  own_runs uuid[];
  own_needs uuid[];
  followers uuid[];
  busy uuid[];
  others uuid[];
  locked uuid[];
  known uuid[];
  states text[];
  marked uuid[];
  earliest bigint;
begin
  done := 0;
  if p_subjects is null then
    select array_agg(one.run), array_agg(one.needs) into own_runs, own_needs from (
      select link.run, link.needs from duckdive.link order by link.run, link.needs limit p_limit for update skip locked
    ) as one;
  else
    select array_agg(one.run), array_agg(one.needs) into own_runs, own_needs from (
      select link.run, link.needs from duckdive.link
      where link.run = any(p_subjects) or link.needs = any(p_subjects)
      order by link.run, link.needs for update skip locked
    ) as one;
  end if;
  if own_runs is null then return; end if;
  -- Who comes after others is locked before those are looked at; what somebody else has waits as it is.
  followers := array(
    select live.id from duckdive.runs as live where live.id = any(own_runs) order by live.id for update skip locked
  );
  busy := array(select live.id from duckdive.runs as live where live.id = any(own_runs) except select unnest(followers));
  others := array(select distinct each.needs from unnest(own_runs, own_needs) as each (run, needs) where each.run <> all(busy));
  locked := array(
    select live.id from duckdive.runs as live where live.id = any(others) order by live.id for update skip locked
  );
  update duckdive.runs as live set durable = live.durable | 16 where live.id = any(locked) and live.durable & 16 = 0;
  others := array(select unnest(others) except select unnest(locked));
  -- Nothing ends before it was asked for; a day for clocks that differ. One statement, or what moves would be nowhere.
  earliest := (select min(duckdive.time_in(one)) from unnest(others) as one) - 86400000;
  select array_agg(one.id), array_agg(one.state) into known, states from (
    select other.id, case when exists (select from duckdive.runs as live where live.id = other.id) then null
      else coalesce((
        select past.state from duckdive.history as past where past.id = other.id and past.finished_at >= earliest limit 1
      ), 'removed') end as state
    from unnest(others) as other (id)
  ) as one;
  -- Somebody may try them again, and whoever comes after them has to hear of that end too.
  marked := array(
    select past.id from duckdive.history as past
    where past.id = any(known) and past.finished_at >= earliest and past.state <> 'succeeded' order by past.id
    for update skip locked
  );
  update duckdive.history as past set durable = past.durable | 16
  where past.id = any(marked) and past.finished_at >= earliest and past.durable & 16 = 0;
  select array_agg(each.id), array_agg(case when each.state in ('failed', 'cancelled') and each.id <> all(marked) then null else each.state end)
  into known, states from unnest(known, states) as each (id, state);
  select array_agg(each.run), array_agg(each.needs), array_agg(each.how) into runs, needs, hows from (
    select link.run, link.needs, other.state as how
    from unnest(own_runs, own_needs) as link (run, needs)
    left join unnest(known, states) as other (id, state) on other.id = link.needs
    where link.run <> all(busy) and (other.id is null or other.state is not null)
  ) as each;
  if runs is null then return; end if;
  delete from duckdive.link using unnest(look_at_links.runs, look_at_links.needs) as each (run, needs)
  where link.run = any(look_at_links.runs) and link.run = each.run and link.needs = each.needs;
  done := cardinality(runs);
end $$;

-- ── Batches ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- What a batch is to the one that it is counted in.
create function duckdive.standing_as(p_total bigint, p_succeeded bigint, p_failed bigint, p_cancelled bigint) returns text
language sql immutable as $$
  select case when p_succeeded + p_failed + p_cancelled < p_total then 'open' when p_failed > 0 then 'failed'
    when p_cancelled > 0 then 'cancelled' else 'succeeded' end
$$;

-- What is counted of a batch, everywhere: its row, the changes that are not in that, and what other stores have counted.
create function duckdive.counts_of(
  p_batch uuid, out total bigint, out succeeded bigint, out failed bigint, out cancelled bigint, out changes bigint[]
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  select own.total + coalesce(change.total, 0) + coalesce(other.total, 0),
    own.succeeded + coalesce(change.succeeded, 0) + coalesce(other.succeeded, 0),
    own.failed + coalesce(change.failed, 0) + coalesce(other.failed, 0),
    own.cancelled + coalesce(change.cancelled, 0) + coalesce(other.cancelled, 0), change.numbers
  into total, succeeded, failed, cancelled, changes
  from duckdive.batch as own
  cross join lateral (
    select sum(one.total) as total, sum(one.succeeded) as succeeded, sum(one.failed) as failed, sum(one.cancelled) as cancelled,
      array_agg(one.number) as numbers
    from duckdive.batch_change as one where one.batch = own.id
  ) as change
  cross join lateral (
    select sum((value ->> 'total')::bigint) as total, sum((value ->> 'succeeded')::bigint) as succeeded,
      sum((value ->> 'failed')::bigint) as failed, sum((value ->> 'cancelled')::bigint) as cancelled
    from json_each(coalesce(own.elsewhere, '{}'))
  ) as other
  where own.id = p_batch;
end $$;

-- Shares the lock of a batch to add to it: while somebody does, it does not finish.
create function duckdive.lock_batch(p_batch uuid) returns void
language sql volatile as $$
  select pg_advisory_xact_lock_shared('duckdive.batch'::regclass::oid::integer, hashtext(p_batch::text))
$$;

-- Records a callback of a batch, whose input are the counts.
create function duckdive.call_back(p_callback json, p_input text, p_now bigint) returns void
language plpgsql volatile as $$
declare
  shape constant json := p_callback -> 'shape';
  id constant uuid := (p_callback -> 'run' ->> 'id')::uuid;
begin
  perform duckdive.lane_for(
    coalesce((select reroute.queue from duckdive.reroute where reroute.job = shape ->> 'job'), shape ->> 'queue'),
    (shape ->> 'priority')::smallint, '', false, shape -> 'gates' is not null, shape -> 'fair' is not null
  );
  perform duckdive.insert_runs(
    array[id], array[p_input], array[1], json_build_array(shape), array[id], true, p_now, null, null
  );
end $$;

-- Adds up what has changed in the counts of batches, and finishes those of which nothing is open. A batch that somebody adds up
-- or adds to at this moment is left for another time. Answers how much was done, and whether something was recorded.
create function duckdive.add_up(p_batches uuid[], p_now bigint, p_at bigint, out done integer, out called boolean)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  left_over uuid[] := p_batches;
  own duckdive.batch;
  counts record;
  change record;
  standing text;
  summary text;
begin
  done := 0;
  called := false;
  while cardinality(left_over) > 0 loop
    select * into own from duckdive.batch where id = left_over[1] for no key update skip locked;
    left_over := left_over[2:];
    continue when not found;
    counts := duckdive.counts_of(own.id);
    standing := duckdive.standing_as(counts.total, counts.succeeded, counts.failed, counts.cancelled);
    if standing <> 'open' and (own.finished_at is null or (own.succeeded_at is null and standing = 'succeeded')) then
      continue when not pg_try_advisory_xact_lock('duckdive.batch'::regclass::oid::integer, hashtext(own.id::text));
      -- Whoever added to it has committed: that is seen by now.
      counts := duckdive.counts_of(own.id);
      standing := duckdive.standing_as(counts.total, counts.succeeded, counts.failed, counts.cancelled);
    end if;
    select coalesce(sum(gone.total), 0) as total, coalesce(sum(gone.succeeded), 0) as succeeded,
      coalesce(sum(gone.failed), 0) as failed, coalesce(sum(gone.cancelled), 0) as cancelled, count(*)::integer as number
    into change from duckdive.batch_change as gone where gone.number = any(counts.changes);
    delete from duckdive.batch_change as gone where gone.number = any(counts.changes);
    done := done + change.number;
    update duckdive.batch as kept set
      total = kept.total + change.total, succeeded = kept.succeeded + change.succeeded, failed = kept.failed + change.failed,
      cancelled = kept.cancelled + change.cancelled, counted = case when kept.batch is null then kept.counted else standing end,
      finished_at = case when standing <> 'open' then coalesce(kept.finished_at, p_at) else kept.finished_at end,
      succeeded_at = case when standing = 'succeeded' then coalesce(kept.succeeded_at, p_at) else kept.succeeded_at end
    where kept.id = own.id;
    if standing <> 'open' then
      summary := json_build_object(
        'batchId', own.id, 'name', own.name, 'total', counts.total, 'succeeded', counts.succeeded, 'failed', counts.failed,
        'cancelled', counts.cancelled
      )::text;
      if standing = 'succeeded' and own.succeeded_at is null and own.on_success is not null then
        perform duckdive.call_back(own.on_success, summary, p_now);
        called := true;
      end if;
      if own.finished_at is null and own.on_finished is not null then
        perform duckdive.call_back(own.on_finished, summary, p_now);
        called := true;
      end if;
    end if;
    continue when own.batch is null or own.counted = standing;
    insert into duckdive.batch_change (batch, run, succeeded, failed, cancelled) values (
      own.batch, own.id, (standing = 'succeeded')::integer - (own.counted = 'succeeded')::integer,
      (standing = 'failed')::integer - (own.counted = 'failed')::integer,
      (standing = 'cancelled')::integer - (own.counted = 'cancelled')::integer
    );
    left_over := array_remove(left_over, own.batch) || own.batch;
  end loop;
end $$;

-- Removes batches that have been over for 90 days and have nothing left.
create function duckdive.prune_batches(p_limit integer, p_now bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from duckdive.batch where id = any(array(
    select over.id from duckdive.batch as over
    where over.finished_at <= duckdive.now_or(p_now) - 7776000000
      and not exists (select from duckdive.runs as live where live.batch = over.id)
      and not exists (select from duckdive.history as past where past.batch = over.id)
      and not exists (select from duckdive.batch as own where own.batch = over.id)
      and not exists (select from duckdive.batch_change as change where change.batch = over.id)
    limit p_limit
  ));
end $$;

-- ── Working off ─────────────────────────────────────────────────────────────────────────────────────────────────

-- Tells those that come after them of ends that were left behind: of these runs, or of any the first p_limit. What follows from
-- that is worked off in rounds, so that no depth is too deep, and so much at once that no transaction is long.
create function duckdive.tell_ends(
  p_subjects uuid[], p_limit integer, p_at bigint, out done integer, out ended uuid[], out freed boolean, out due bigint
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  largest constant integer := 2000;
  subjects uuid[] := p_subjects;
  causes uuid[];
  hows text[];
  runs uuid[];
  needs uuid[];
  met record;
begin
  done := 0;
  ended := '{}';
  freed := false;
  loop
    with gone as (
      delete from duckdive.over as own where own.number = any(
        case when subjects is null then array(
          select over.number from duckdive.over order by over.number limit p_limit for update skip locked
        ) else array(
          select over.number from duckdive.over where over.run = any(subjects) order by over.number for update skip locked
        ) end
      )
      returning own.run, own.how
    )
    select array_agg(gone.run), array_agg(gone.how) into causes, hows from gone;
    exit when causes is null;
    done := done + cardinality(causes);
    select array_agg(pair.run), array_agg(pair.needs), array_agg(cause.how) into runs, needs, hows
    from unnest(causes, hows) as cause (run, how)
    cross join lateral (
      select own.run, own.needs from duckdive.dependency as own where own.needs = cause.run and own.is_open offset 0
    ) as pair;
    exit when runs is null;
    met := duckdive.meet_ends(runs, needs, hows, p_at);
    freed := freed or met.freed;
    due := least(due, met.due);
    ended := ended || met.ended;
    exit when cardinality(met.ended) = 0 or cardinality(ended) >= largest;
    subjects := met.ended;
  end loop;
end $$;

-- Does what was left behind about these runs and batches, or of any the first p_limit. What needs a row that somebody has locked
-- stays for another time: \`rest\` are those that have something left.
--
-- Not synced: a crash undoes what was left behind and its being done together.
create function duckdive.do_flow(
  p_subjects uuid[], p_limit integer, p_now bigint,
  out done integer, out rest uuid[], out ended uuid[], out asked boolean, out claimable boolean, out due bigint, out keys bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  at bigint;
  strays record;
  links record;
  met record;
  told record;
  added record;
  batches uuid[];
begin
  done := 0;
  rest := '{}';
  ended := '{}';
  asked := false;
  claimable := false;
  keys := '{}';
  if p_subjects is not null and not duckdive.has_flow(p_subjects) then return; end if;
  at := duckdive.moment(p_now);
  perform set_config('synchronous_commit', 'off', true);
  perform set_config('lock_timeout', '100ms', true);
  -- Lanes come before rows, so this comes first.
  select one.ended, one.asked, one.keys into strays from duckdive.end_strays(p_subjects, p_limit, at) as one;
  ended := strays.ended;
  asked := strays.asked;
  keys := strays.keys;
  done := cardinality(ended) + asked::integer;
  links := duckdive.look_at_links(p_subjects, p_limit);
  done := done + links.done;
  if links.runs is not null then
    met := duckdive.meet_ends(links.runs, links.needs, links.hows, at);
    ended := ended || met.ended;
    claimable := claimable or met.freed;
    due := least(due, met.due);
  end if;
  told := duckdive.tell_ends(case when p_subjects is not null then p_subjects || ended end, p_limit, at);
  done := done + told.done;
  ended := ended || told.ended;
  claimable := claimable or told.freed;
  due := least(due, told.due);
  if p_subjects is null then
    batches := array(
      select distinct one.batch from (select change.batch from duckdive.batch_change as change order by change.number limit p_limit) as one
      order by one.batch
    );
  else
    batches := array(
      select distinct change.batch from duckdive.batch_change as change
      where change.run = any(p_subjects || ended) or change.batch = any(p_subjects) order by change.batch
    );
  end if;
  if cardinality(batches) > 0 then
    added := duckdive.add_up(batches, p_now, at);
    done := done + added.done;
    claimable := claimable or added.called;
  end if;
  if p_subjects is not null then
    rest := duckdive.left_of(p_subjects || ended, batches);
  end if;
end $$;

-- Of these runs, and of these batches, those that have something left.
create function duckdive.left_of(p_runs uuid[], p_batches uuid[]) returns uuid[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return array(
    select over.run from duckdive.over where over.run = any(p_runs)
    union select link.run from duckdive.link where link.run = any(p_runs)
    union select link.needs from duckdive.link where link.needs = any(p_runs)
    union select stray.parent from duckdive.stray where stray.parent = any(p_runs) and exists (
      select from duckdive.runs as live where live.id = stray.run and live.cancel_asked is null
    )
    union select errand.subject from duckdive.errand where errand.subject = any(p_runs)
    union select change.batch from duckdive.batch_change as change
      where change.batch = any(p_batches) or change.run = any(p_runs || p_batches)
  );
end $$;

-- When somebody has to look next: the start of a scheduled run, the end of a wait or of a run's patience, the opening of a
-- rate, an errand or an end that others have to hear of, any of which may be over, or the end of a queue's being held back.
create or replace function duckdive.next_due(p_now bigint) returns bigint
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  floor constant duckdive.due_state := duckdive.due_floor(at, false);
begin
  return least(
    (
      select min(run.due) from unnest(floor.pend) as p (x) cross join lateral (
        select due from duckdive.runs
        where due is not null and xid = p.x and (due, id) <= (floor.due, floor.id) limit 1
      ) as run
      where pg_visible_in_snapshot(p.x, pg_current_snapshot())
    ),
    (
      select due from duckdive.runs
      where due is not null and (due, id) > (floor.due, floor.id) order by due, id limit 1
    ),
    (select min(until) from duckdive.held_queue),
    (select errand.at from duckdive.errand order by errand.number limit 1),
    (
      select at where exists (select from duckdive.over) or exists (select from duckdive.link)
        or exists (select from duckdive.batch_change) or exists (select from duckdive.stray)
    )
  );
end $$;

-- ── What changes beside ─────────────────────────────────────────────────────────────────────────────────────────

-- Removes what belongs to runs that are gone.
create or replace function duckdive.forget(p_ids uuid[]) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from duckdive.body where run = any(p_ids);
  delete from duckdive.event where run = any(p_ids);
  delete from duckdive.log where run = any(p_ids);
  delete from duckdive.progress where run = any(p_ids);
  delete from duckdive.entry where run = any(p_ids);
  delete from duckdive.child where parent = any(p_ids);
  delete from duckdive.signal where run = any(p_ids);
  delete from duckdive.dependency where run = any(p_ids);
end $$;

-- Removes runs that are kept for hours only and are past it, at most p_limit. Answers how many.
create or replace function duckdive.prune(p_limit integer, p_now bigint) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  expired uuid[];
begin
  expired := array(
    select id from duckdive.history_hours where expires_at <= at order by expires_at limit p_limit for update skip locked
  );
  if cardinality(expired) = 0 then return 0; end if;
  delete from duckdive.history_hours where id = any(expired) and expires_at <= at;
  perform duckdive.forsake(expired);
  perform duckdive.forget(array(
    select id from unnest(expired) as id where not exists (select from duckdive.runs where runs.id = id)
  ));
  return cardinality(expired);
end $$;

-- Makes failed and cancelled runs ready again, as if they had been asked for now, unless another run holds their key. What
-- failed in them is done again, the rest is remembered. Answers for each whether it did.
create or replace function duckdive.retry(p_ids uuid[], p_now bigint) returns boolean[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  answers boolean[] := array_fill(false, array[cardinality(p_ids)]);
  item record;
  run duckdive.history;
  waits boolean;
begin
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    select * into run from duckdive.history where id = item.id and state in ('failed', 'cancelled') for update;
    continue when not found;
    if run.unique_key is not null then
      continue when duckdive.key_holder(run.unique_key, at) is distinct from run.id
        and duckdive.key_holder(run.unique_key, at) is not null;
      perform duckdive.free_key(run.unique_key);
    end if;
    waits := run.durable & 32 <> 0 and duckdive.waits_again(run.id);
    insert into duckdive.runs (
      id, lane, state, job, version, queue, priority, requested_at, run_at, start_within, finish_within,
      start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair,
      unique_key, unique_idle, unique_while, durable, parent, parent_entry, batch, wait_reason
    ) values (
      run.id,
      case when not waits then
        duckdive.lane_for(run.queue, run.priority, '', false, run.gates is not null, run.fair is not null) end,
      case when waits then 'waiting' else 'ready' end, run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release,
      run.gates, duckdive.keys_of(run.gates), duckdive.limits_of(run.gates), run.fair,
      case when run.unique_while & duckdive.state_bit(case when waits then 'waiting' else 'ready' end) <> 0 then run.unique_key end,
      case when run.unique_while & duckdive.state_bit(case when waits then 'waiting' else 'ready' end) = 0 then run.unique_key end,
      run.unique_while,
      run.durable, run.parent, run.parent_entry, run.batch, case when waits then 'dependency' end
    ) on conflict do nothing;
    -- Somebody else got the key in between.
    continue when not found;
    delete from duckdive.history where id = item.id;
    if run.batch is not null then
      insert into duckdive.batch_change (batch, run, failed, cancelled)
      values (run.batch, run.id, -(run.state = 'failed')::integer, -(run.state = 'cancelled')::integer);
    end if;
    if run.durable & 1 <> 0 then perform duckdive.reopen_entries(run); end if;
    perform duckdive.append_event(run.id, 'retried', null, run.attempt, run.token, null, at);
    answers[item.number] := true;
  end loop;
  return answers;
end $$;

-- Ends runs that are not running, asks for the end of those that are. Answers for each: 'ended', 'asked', or null. What comes
-- after one is told before the next is looked at: \`ended\` are those that ended by that.
create function duckdive.cancel_each(
  p_ids uuid[], p_reason text, p_now bigint, out answers text[], out ended uuid[], out freed boolean, out due bigint
)
language plpgsql volatile as $$
declare
  lanes integer[];
  at constant bigint := duckdive.now_or(p_now);
  told record;
  held_runs uuid[];
  held_workers text[];
  place integer;
  item record;
  run duckdive.runs;
begin
  answers := array_fill(null::text, array[cardinality(p_ids)]);
  ended := '{}';
  freed := false;
  lanes := duckdive.lock_lanes_of(p_ids);
  -- The rows before who has them: a settlement under way is waited for, and what it made of its run counts.
  perform duckdive.lock_rows(p_ids);
  if exists (select from duckdive.runs where id = any(p_ids) and lane is not null and lane <> all(lanes)) then
    raise exception 'a run came into another lane before it was locked' using errcode = '40001';
  end if;
  select array_agg(id), array_agg(worker) into held_runs, held_workers
  from duckdive.held where id = any(p_ids);
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    select * into run from duckdive.runs as live where live.id = item.id and live.cancel_asked is null for update;
    continue when not found;
    place := array_position(held_runs, run.id);
    if place is not null then
      perform duckdive.append_event(
        run.id, 'cancelAsked', json_build_object('reason', p_reason), run.attempt + 1, run.seq, held_workers[place], at
      );
      update duckdive.runs set cancel_asked = p_reason where id = run.id;
      answers[item.number] := 'asked';
      continue;
    end if;
    perform duckdive.append_event(
      run.id, 'cancelled', json_build_object('reason', p_reason), run.attempt, run.seq, null, at
    );
    perform duckdive.end_run(run.id, 'cancelled', p_reason, null, null, null, 0, 0, null, null, at);
    answers[item.number] := 'ended';
    continue when run.durable & 16 = 0;
    told := duckdive.tell_ends(array[run.id], null, at);
    ended := ended || told.ended;
    freed := freed or told.freed;
    due := least(due, told.due);
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.cancel(p_ids uuid[], p_reason text, p_now bigint) returns text[]
language sql volatile as $$ select answers from duckdive.cancel_each(p_ids, p_reason, p_now) $$;

-- Removes runs that are not running. Answers for each: 'live', 'ended', or null. What comes after one is told before the next is
-- looked at: \`ended\` are those that ended by that. Without p_tells nobody is told, and batches go on counting them.
create function duckdive.remove_each(
  p_ids uuid[], p_tells boolean, p_now bigint, out answers text[], out ended uuid[], out freed boolean, out due bigint
)
language plpgsql volatile as $$
declare
  lanes integer[];
  at constant bigint := duckdive.now_or(p_now);
  told record;
  running uuid[];
  item record;
  gone duckdive.runs;
begin
  answers := array_fill(null::text, array[cardinality(p_ids)]);
  ended := '{}';
  freed := false;
  lanes := duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
  running := array(select id from duckdive.held where id = any(p_ids));
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.runs as run
    where run.id = item.id and run.id <> all(running)
    returning * into gone;
    if found then
      if p_tells and gone.durable & 80 <> 0 then perform duckdive.leave_flow(gone, 'removed'); end if;
      if gone.durable & 6 <> 0 then perform duckdive.leave_word(gone, 0); end if;
      answers[item.number] := 'live';
    else
      delete from duckdive.history where id = item.id;
      if found then
        answers[item.number] := 'ended';
        if p_tells then perform duckdive.forsake(array[item.id]); end if;
      end if;
    end if;
    continue when answers[item.number] is null;
    perform duckdive.forget(array[item.id]);
    continue when not p_tells;
    told := duckdive.tell_ends(array[item.id], null, at);
    ended := ended || told.ended;
    freed := freed or told.freed;
    due := least(due, told.due);
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.remove(p_ids uuid[]) returns text[]
language sql volatile as $$ select answers from duckdive.remove_each(p_ids, true, null) $$;

-- Removes runs that still are what somebody has read. Answers which. First the lanes, then the rows, are held, so that
-- what is compared here is what is removed. Nobody is told, and a batch goes with the last of its runs.
create or replace function duckdive.release(p_ids uuid[], p_tokens bigint[], p_states text[]) returns uuid[]
language plpgsql volatile as $$
declare
  same uuid[];
  batches uuid[];
  answer uuid[];
begin
  perform duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
  perform from duckdive.history where id = any(p_ids) order by id for update;
  select array_agg(own.id), array_agg(distinct own.batch) filter (where own.batch is not null) into same, batches
  from duckdive.stored(p_ids) as own
  join unnest(p_ids, p_tokens, p_states) as asked (id, token, state) on asked.id = own.id
  where own.token = asked.token and own.state = asked.state;
  same := coalesce(same, '{}');
  answer := array(
    select gone.id from unnest(same, (duckdive.remove_each(same, false, null)).answers) as gone (id, answer) where gone.answer is not null
  );
  while cardinality(batches) > 0 loop
    with gone as (
      delete from duckdive.batch as own
      where own.id = any(batches)
        and not exists (select from duckdive.runs as live where live.batch = own.id)
        and not exists (select from duckdive.history as past where past.batch = own.id)
        and not exists (select from duckdive.batch as inside where inside.batch = own.id)
      returning own.id, own.batch
    ), changes as (
      delete from duckdive.batch_change as change using gone where change.batch = gone.id
    )
    select array_agg(distinct gone.batch) filter (where gone.batch is not null) into batches from gone;
  end loop;
  return answer;
end $$;

-- Ends the waiting of runs that were recorded without their definition: ready, scheduled, or failed. One whose unique key
-- somebody has is cancelled, having changed that one as its rule says. One whose key an application's transaction has just
-- recorded, which is still open, goes on waiting: it is prepared another time.
create or replace function duckdive.prepare_runs(p_items json, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  run duckdive.runs;
  holder uuid;
  patience constant text := current_setting('lock_timeout');
begin
  for item in
    select * from json_to_recordset(p_items) as item (
      id uuid, invalid json, keep bigint, job text, version integer, queue text, priority smallint, input text,
      start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json, unique_key uuid
    )
    order by id
  loop
    select * into run from duckdive.runs
    where id = item.id and state = 'waiting' and wait_reason = 'preparation' for update;
    continue when not found;
    if item.invalid is not null then
      perform duckdive.append_event(run.id, 'failed', item.invalid, run.attempt, run.seq, null, at);
      perform duckdive.end_run(run.id, 'failed', 'invalid-input', null, item.invalid::text, item.keep, 0, 0, null, null, at);
      return next run.id;
      continue;
    end if;
    if item.unique_key is not null then
      begin
        perform set_config('lock_timeout', '100ms', true);
        holder := duckdive.take_key(run, item.unique_key, item."unique", at);
        if holder is not null then perform duckdive.give_way(run, holder, item.unique_key, row_to_json(item), at); end if;
        perform set_config('lock_timeout', patience, true);
      exception when lock_not_available then
        continue;
      end;
      if holder is not null then
        return next run.id;
        continue;
      end if;
    end if;
    perform duckdive.append_event(run.id, 'prepared', null, run.attempt, run.seq, null, at);
    if duckdive.is_long(item.input) then
      insert into duckdive.body (run, input) values (run.id, item.input)
      on conflict (run) do update set input = excluded.input;
    end if;
    update duckdive.runs set
      job = item.job, version = item.version,
      queue = coalesce((select reroute.queue from duckdive.reroute where reroute.job = item.job), item.queue), priority = item.priority,
      body = case when duckdive.is_long(item.input) then 1 else 0 end,
      input = case when not duckdive.is_long(item.input) then item.input::json end,
      start_within = item.start_within, finish_within = item.finish_within,
      start_by = requested_at + item.start_within, finish_by = requested_at + item.finish_within,
      tags = coalesce(item.tags, tags), meta = coalesce(item.meta, meta), release = coalesce(item.release, release),
      gates = item.gates, gate_keys = duckdive.keys_of(item.gates), gate_limits = duckdive.limits_of(item.gates), fair = item.fair
    where id = run.id;
    perform duckdive.rest_run(
      run.id, case when run.durable & 32 <> 0 and duckdive.is_held_back(run.id) then 'waiting'
        when run.run_at > at then 'scheduled' else 'ready' end, run.run_at, '',
      case when run.durable & 32 <> 0 and duckdive.is_held_back(run.id) then 'dependency' end, null, null, 0, 0, null, false, at
    );
  end loop;
end $$;

-- Records runs; answers those ids that were there already, live or finished, and those whose unique key somebody has.
--
-- Most runs of a batch are alike but for their id, input and unique key, so what they share comes once, as a shape, and each
-- run names its shape by number. p_known are those whose id may have been sent before: only they are looked for among what
-- has ended. p_is_long says that some input is too long to stand in its run. p_keys are hashes of unique keys.
--
-- The lane is looked up and not made: making one takes a lock. Whoever calls makes it before, over a connection of his
-- own; where it is not seen all the same, the run is recorded as scheduled for now, and the next promotion makes the lane.
--
-- A run with gates, or one of those that are shared out fairly, has a lane of its own kind. One of a job that was rerouted
-- goes to that queue. One with a parent is a child of that run's call.
--
-- With p_nonce, the word of the database that is meant, nothing is recorded in another one, and the answer is null.
create or replace function duckdive.insert_runs(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[] default null
) returns setof uuid
language plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  at constant bigint := duckdive.moment(p_now);
  added uuid[];
  finished uuid[] := '{}';
begin
  if p_nonce <> (select nonce from duckdive.meta) then return query select null::uuid; return; end if;
  with shape as materialized (
    select one.*, home.queue as home, lane.id as lane, coalesce((one."unique" ->> 'while')::smallint, 0::smallint) as unique_while, kind.gate_keys, kind.gate_limits, own.run_at, own.state, duckdive.due_of(
        own.state, own.run_at, at + one.start_within, null, at + one.finish_within, at
      ) as due
    from rows from (
      json_to_recordset(p_shapes) as (
        job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
        start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json,
        parent json, flow smallint, batch uuid
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release,
      gates, fair, "unique", parent, flow, batch, number
    )
    cross join lateral (
      -- Kept from being worked out once for each place where it is named.
      select duckdive.keys_of(one.gates) as gate_keys, duckdive.limits_of(one.gates) as gate_limits offset 0
    ) as kind
    cross join lateral (
      select coalesce((select reroute.queue from duckdive.reroute where reroute.job = one.job), one.queue) as queue
    ) as home
    left join duckdive.lane
      on lane.queue = home.queue and lane.priority = one.priority and lane.route = '' and not lane.front
      and lane.gated = (kind.gate_keys is not null) and lane.fair = (one.fair is not null)
    cross join lateral (
      select case when one.due_at is not null then one.due_at when one.due_after is not null then at + one.due_after else at end
        as run_at
    ) as start
    cross join lateral (
      select start.run_at, case when one.waiting is not null then 'waiting'
        when start.run_at > at or lane.id is null then 'scheduled' else 'ready' end as state
    ) as own
  ), recorded as (
    insert into duckdive.runs (
      id, lane, state, wait_reason, job, version, queue, priority, requested_at, run_at,
      start_within, finish_within, start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair, seq, unique_key, unique_idle, unique_while, durable, parent, parent_entry, batch
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, home, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release,
      case when gate_keys is not null then gates end, gate_keys, gate_limits, fair, asked.seq,
      case when unique_while & duckdive.state_bit(shape.state) <> 0 then asked.key end,
      case when unique_while & duckdive.state_bit(shape.state) = 0 then asked.key end,
      case when asked.key is not null then unique_while end,
      coalesce(shape.flow, 0) | case when shape.parent is null then 0 when shape.parent ->> 'onEnd' = 'leave' then 12 else 4 end,
      (shape.parent ->> 'run')::uuid, shape.parent ->> 'entry', shape.batch
    from (
      -- Numbered as they were asked for, and recorded in the order of their keys: so two that record the same wait for each
      -- other at the first of them and not crosswise.
      select *, nextval('duckdive.seq') as seq
      from unnest(p_ids, p_inputs, p_numbers, p_keys) with ordinality as each (id, input, number, key, place)
    ) as asked
    join shape on shape.number = asked.number
    order by asked.key, asked.seq
    on conflict do nothing
    returning id
  )
  select array_agg(id) into added from recorded;
  added := coalesce(added, '{}');
  if p_keys is not null then perform duckdive.give_signals(p_ids, p_keys, added); end if;
  if cardinality(p_known) > 0 then
    -- A snapshot that is older than a run's end shows it beside the new one, and not what it became.
    if current_setting('transaction_isolation') <> 'read committed' and exists (
      select from duckdive.runs where id = any(p_known) group by id having count(*) > 1
    ) then
      raise exception 'a run that is enqueued again has ended since this transaction began' using errcode = '40001';
    end if;
    -- In a statement of its own: what was live when the insert looked may have finished since, and is seen here.
    finished := duckdive.finished_among(p_known, at);
    if cardinality(finished) > 0 then delete from duckdive.runs where id = any(finished) and id = any(added); end if;
  end if;
  if p_is_long then
    insert into duckdive.body (run, input)
    select asked.id, asked.input from unnest(p_ids, p_inputs) as asked (id, input)
    where duckdive.is_long(asked.input) and asked.id = any(added) and asked.id <> all(finished)
    on conflict (run) do nothing;
  end if;
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  if cardinality(added) = cardinality(p_ids) and cardinality(finished) = 0 then return; end if;
  return query
  select id from unnest(p_ids) as id where id <> all(added)
  union all select unnest(finished);
end $$;

-- Records runs of which some come after others, or are counted in batches, and batches. Answers for those that were not recorded
-- which run is meant in their place, and why, as \`record_unique\` does; or what refuses all: 'unknown' with a run that is not
-- there, and who comes after it, 'no-batch' with a batch that is not there, 'finished' and its name with one that nothing can be added to.
--
-- p_after are who comes after whom, with the policy of each. Of the others of this call nobody else can know; any other
-- one is looked at behind the commit, by its link, since its row may be locked for long.
create function duckdive.record_flow(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[], p_patience text, p_runs uuid[], p_needs uuid[], p_policies smallint[],
  p_batches json
) returns table (id uuid, run uuid, answer text, let_go bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.moment(p_now);
  present uuid[];
  earliest constant bigint := (select min(duckdive.time_in(one)) from unnest(p_needs) as one) - 86400000;
  batch_ids uuid[];
  totals integer[];
  created uuid[];
  met_ids uuid[] := '{}';
  met_runs uuid[] := '{}';
  one record;
begin
  if p_nonce <> (select nonce from duckdive.meta) then
    return query select null::uuid, null::uuid, null::text, null::bigint[];
    return;
  end if;
  present := array(select live.id from duckdive.runs as live where live.id = any(p_ids))
    || duckdive.finished_among(p_known, at);
  -- One that ends between two statements would be nowhere, so this is one.
  select asked.run, asked.needs into one
  from unnest(p_runs, p_needs) as asked (run, needs)
  left join unnest(p_ids) as own (id) on own.id = asked.needs
  where own.id is null and asked.run <> all(present)
    -- With the offset each is looked up by itself, whatever the statistics say.
    and not exists (select from duckdive.runs as live where live.id = asked.needs offset 0)
    and not exists (
      select from duckdive.history as past where past.id = asked.needs and past.finished_at >= earliest offset 0
    )
  limit 1;
  if found then
    return query select one.run, one.needs, 'unknown'::text, null::bigint[];
    return;
  end if;
  select array_agg(each.batch order by each.batch), array_agg(each.total order by each.batch) into batch_ids, totals from (
    select asked.batch, count(*)::integer as total from (
      select shape.batch from unnest(p_ids, p_numbers) as each (id, number)
      join rows from (json_to_recordset(p_shapes) as (batch uuid)) with ordinality as shape (batch, number)
        on shape.number = each.number
      where shape.batch is not null and each.id <> all(present)
      union all
      select outside.batch from json_to_recordset(p_batches) as outside (id uuid, batch uuid)
      where outside.batch is not null and not exists (select from duckdive.batch as own where own.id = outside.id)
    ) as asked group by asked.batch
  ) as each;
  for one in
    select asked.id from unnest(batch_ids) as asked (id)
    where asked.id not in (select own.id from json_to_recordset(p_batches) as own (id uuid)) order by asked.id
  loop
    perform duckdive.lock_batch(one.id);
  end loop;
  for one in
    select asked.id, own.name, own.id is not null as is_there, own.finished_at is not null and duckdive.standing_as(
      counts.total, counts.succeeded, counts.failed, counts.cancelled
    ) <> 'open' as is_over
    from unnest(batch_ids) as asked (id) left join duckdive.batch as own on own.id = asked.id
    left join lateral duckdive.counts_of(own.id) as counts on true
    where own.id is not null or asked.id not in (select other.id from json_to_recordset(p_batches) as other (id uuid))
    order by asked.id
  loop
    continue when one.is_there and not one.is_over;
    return query select one.id, one.id, case when one.is_there then 'finished ' || one.name else 'no-batch' end, null::bigint[];
    return;
  end loop;
  with recorded as (
    insert into duckdive.batch (id, name, batch, on_success, on_finished, created_at)
    select asked.id, asked.name, asked.batch, asked.on_success, asked.on_finished, at
    from json_to_recordset(p_batches) as asked (id uuid, name text, batch uuid, on_success json, on_finished json)
    order by asked.id
    on conflict on constraint batch_pkey do nothing returning batch.id, batch.batch
  ), outside as (
    insert into duckdive.batch_change (batch, total) select recorded.batch, count(*) from recorded
    where recorded.batch is not null group by recorded.batch
  )
  select array_agg(recorded.id) into created from recorded;
  if cardinality(p_ids) > 0 then
    if p_keys is null then
      met_ids := array(select duckdive.insert_runs(
        p_ids, p_inputs, p_numbers, p_shapes, p_known, p_is_long, p_now, p_notice, null
      ));
      met_runs := met_ids;
      return query select each, each, 'present'::text, null::bigint[] from unnest(met_ids) as each;
    else
      for one in
        select * from duckdive.record_unique(
          p_ids, p_inputs, p_numbers, p_shapes, p_known, p_is_long, p_now, p_notice, null, p_keys, true, p_patience
        )
      loop
        id := one.id;
        run := one.run;
        answer := one.answer;
        let_go := one.let_go;
        return next;
        if answer = 'rejected' then
          delete from duckdive.batch_change as change using duckdive.batch as own
          where own.id = any(created) and change.batch = own.batch and change.run is null;
          delete from duckdive.batch as own where own.id = any(created);
          return;
        end if;
        met_ids := met_ids || one.id;
        met_runs := met_runs || one.run;
      end loop;
    end if;
  elsif p_notice is not null then
    perform pg_notify('duckdive', p_notice);
  end if;
  insert into duckdive.batch_change (batch, total)
  select shape.batch, count(*) from unnest(p_ids, p_numbers) as each (id, number)
  join rows from (json_to_recordset(p_shapes) as (batch uuid)) with ordinality as shape (batch, number)
    on shape.number = each.number
  where shape.batch is not null and each.id <> all(met_ids) group by shape.batch;
  -- One without anything has to be looked at as well.
  insert into duckdive.batch_change (batch)
  select own from unnest(created) as own
  where not exists (select from duckdive.batch_change as change where change.batch = own);
  with pairs as (
    select distinct on (asked.run, coalesce(met.run, asked.needs)) asked.run, coalesce(met.run, asked.needs) as needs, asked.policy,
      own.id is not null and met.id is null as is_own
    from unnest(p_runs, p_needs, p_policies) as asked (run, needs, policy)
    left join unnest(met_ids, met_runs) as met (id, run) on met.id = asked.needs
    left join unnest(p_ids) as own (id) on own.id = asked.needs
    where asked.run <> all(met_ids)
  ), links as (
    insert into duckdive.link (run, needs) select pairs.run, pairs.needs from pairs where not pairs.is_own
  )
  insert into duckdive.dependency (run, needs, policy, is_open) select pairs.run, pairs.needs, pairs.policy, true from pairs;
end $$;

-- What a claim holds, without what was cancelled or replaced since.
drop function duckdive.claimed(uuid);
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean, gate_keys bigint[], rate_keys bigint[], is_unique boolean, durable smallint, parent uuid,
  batch uuid
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  held duckdive.claims;
  paused text[];
begin
  select * into held from duckdive.claims as claim where claim.id = p_claim;
  paused := array(select name from duckdive.pause where kind = 'job');
  return query
  with part as materialized (
    select part.id, part.seq from unnest(held.runs, held.seqs) as part (id, seq)
  )
  select run.id, run.seq, run.job, run.version, run.queue, run.priority,
    case when run.body & 1 = 1 then (select body.input from duckdive.body where body.run = run.id) else run.input::text end,
    run.attempt + 1, run.crashes, run.requested_at, run.run_at,
    held.at,
    case when run.started_at is null then run.start_by end, run.finish_by,
    run.tags::text, run.meta::text, run.job = any(paused),
    run.gate_keys,
    case when 0 > any(run.gate_limits) then array(
      select one.key from unnest(run.gate_keys, run.gate_limits) as one (key, room) where one.room < 0
    ) end,
    run.unique_while is not null, run.durable, run.parent, run.batch
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
end $$;

-- Runs by id with all their columns, for duckdive itself; people have \`duckdive.run\`. Both tables in one statement, or a
-- run that moves from the one to the other would be nowhere.
drop function duckdive.stored(uuid[]);
create function duckdive.stored(p_ids uuid[])
returns table (
  id uuid, job text, version integer, queue text, priority smallint, state text, reason text, wait_reason text, wait_on text,
  cancel_asked text, route text, token bigint, attempt integer, crashes integer, worker text, requested_at bigint,
  run_at bigint, started_at bigint, finished_at bigint, start_by bigint, finish_by bigint, expires_at bigint, body smallint,
  input json, output json, error json, tags json, meta json, release text,
  parent uuid, batch uuid, after uuid[]
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  -- Nothing ends before it was asked for; a day for clocks that differ.
  earliest constant bigint := (select min(duckdive.time_in(one)) from unnest(p_ids) as one) - 86400000;
begin
  return query
  with held as materialized (
    select part.run, part.seq, claim.worker, claim.at
    from duckdive.claims as claim cross join lateral unnest(claim.runs, claim.seqs) as part (run, seq)
    where part.run = any(p_ids)
  )
  select live.id, live.job, live.version, live.queue, live.priority,
    case when held.run is null then live.state else 'running' end, null::text,
    live.wait_reason, coalesce(live.wait_on, live.awaits, needed.first[1]::text), live.cancel_asked, live.route, live.seq,
    live.attempt + (held.run is not null)::integer, live.crashes, held.worker, live.requested_at, live.run_at,
    coalesce(held.at, live.started_at), null::bigint, live.start_by, live.finish_by,
    null::bigint, live.body, live.input, null::json, live.error, live.tags, live.meta, live.release, live.parent,
    live.batch, nullif(needed.first, '{}')
  from duckdive.runs as live left join held on held.run = live.id and held.seq = live.seq
  cross join lateral (
    select case when live.durable & 32 <> 0 then duckdive.first_needs(live.id) end as first offset 0
  ) as needed
  where live.id = any(p_ids)
  union all
  select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null, null, '',
    past.token, past.attempt, past.crashes, null, past.requested_at, past.run_at, past.started_at, past.finished_at,
    past.start_by, past.finish_by, past.expires_at, past.body, past.input, past.output, past.error, past.tags, past.meta,
    past.release, past.parent, past.batch,
    case when past.durable & 32 <> 0 then nullif(duckdive.first_needs(past.id), '{}') end
  from duckdive.history as past where past.id = any(p_ids) and past.finished_at >= earliest;
end $$;

-- Of the runs that one comes after, those that have not ended well, the first hundred.
create function duckdive.first_needs(p_run uuid) returns uuid[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return array(select pair.needs from duckdive.dependency as pair where pair.run = p_run and pair.is_open order by pair.run, pair.needs limit 100);
end $$;

-- ── Moving ──────────────────────────────────────────────────────────────────────────────────────────────────────

-- Batches that come from another store with a run of theirs. What others have counted is kept apart from what is counted here, so
-- that each reading may bring it anew; what this store itself has counted it knows, unless it had let the batch go.
create function duckdive.adopt_batches(p_batches json) returns void
language plpgsql volatile as $$
declare
  own_word constant text := (select nonce from duckdive.meta);
begin
  insert into duckdive.batch as known (
    id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, on_success, on_finished, created_at, finished_at,
    succeeded_at
  )
  select asked.id, asked.name, asked.batch, duckdive.standing_as(asked.total, asked.succeeded, asked.failed, asked.cancelled),
    coalesce((own.counts ->> 'total')::bigint, 0), coalesce((own.counts ->> 'succeeded')::bigint, 0),
    coalesce((own.counts ->> 'failed')::bigint, 0), coalesce((own.counts ->> 'cancelled')::bigint, 0),
    (asked.counted - own_word)::json, asked.on_success, asked.on_finished, asked.created_at, asked.finished_at, asked.succeeded_at
  from json_to_recordset(p_batches) as asked (
    id uuid, name text, batch uuid, total bigint, succeeded bigint, failed bigint, cancelled bigint, counted jsonb, on_success json,
    on_finished json, created_at bigint, finished_at bigint, succeeded_at bigint
  )
  cross join lateral (select asked.counted -> own_word as counts) as own
  order by asked.id
  on conflict (id) do update set
    elsewhere = (coalesce(known.elsewhere, '{}')::jsonb || excluded.elsewhere::jsonb)::json,
    finished_at = coalesce(known.finished_at, excluded.finished_at),
    succeeded_at = coalesce(known.succeeded_at, excluded.succeeded_at);
  insert into duckdive.batch_change (batch) select asked.id from json_to_recordset(p_batches) as asked (id uuid);
end $$;

-- What a run from another store has to do with others: those here, and those that may come. Whoever waits for it here is let go
-- if it has succeeded, and so is this one. Nobody ends by what another store has seen: who waits for a run that failed was
-- tried again there.
create function duckdive.adopt_others(item record) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  needed constant uuid[] := array(select value::uuid from json_array_elements_text(coalesce(item.after, '[]')) as value);
  is_followed constant boolean := exists (select from duckdive.dependency where needs = item.id and is_open);
  bits constant smallint := is_followed::integer * 16 + (cardinality(needed) > 0)::integer * 32 + (item.batch is not null)::integer * 64;
begin
  if bits = 0 then return; end if;
  update duckdive.runs set durable = durable | bits, batch = item.batch where id = item.id;
  update duckdive.history set durable = durable | bits, batch = item.batch where id = item.id and finished_at = item.finished_at;
  insert into duckdive.dependency (run, needs, policy, is_open)
  select item.id, one, coalesce(item.policy, 0),
    not exists (select from duckdive.history as past where past.id = one and past.state = 'succeeded')
  from unnest(needed) as one
  on conflict do nothing;
  update duckdive.history set durable = durable | 16 where id = any(needed) and durable & 16 = 0;
  -- Those that live here have to know, and where nothing is open it has to be found out.
  insert into duckdive.link (run, needs)
  select item.id, one from unnest(needed) as one
  where exists (select from duckdive.runs as live where live.id = one)
    or exists (select from duckdive.history as past where past.id = one and past.state = 'succeeded')
  on conflict do nothing;
  if is_followed and item.state = 'succeeded' then insert into duckdive.over (run, how) values (item.id, 'succeeded'); end if;
end $$;

-- Records runs as they stood in another store; one that is here already is left alone. Answers which were recorded. The
-- partitions for those that have ended are there. Ready ones stand in front, since they come with an age.
-- Those that were in line at a gate ask for it anew: places do not move.
create or replace function duckdive.adopt(p_items json, p_token bigint, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
begin
  -- Far ahead, because somebody may be taking numbers at this moment: tokens must rise.
  if p_token > (select last_value from duckdive.seq) then perform setval('duckdive.seq', p_token + 1000000); end if;
  for item in
    select one.*, coalesce(duckdive.is_long(one.input), false) as long_input,
      coalesce(duckdive.is_long(one.output), false) as long_output, coalesce(duckdive.is_long(one.error), false) as long_error
    from json_to_recordset(p_items) as one (
      id uuid, state text, reason text, job text, version integer, queue text, priority smallint, route text, token bigint,
      attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint, finished_at bigint,
      expires_at bigint, start_within bigint, finish_within bigint, start_by bigint, finish_by bigint, wait_reason text,
      wait_on text, input text, output text, error text, tags json, meta json, release text, progress json, events json,
      logs json, entries json, gates json, fair text, signals json, batch uuid, after json, policy smallint
    )
    order by run_at, id
  loop
    continue when exists (select from duckdive.history where id = item.id)
      or exists (select from duckdive.runs where id = item.id);
    if item.finished_at is null then
      perform duckdive.adopt_live(item, at);
    else
      insert into duckdive.history (
        id, keep_class, finished_at, expires_at, state, reason, token, job, version, queue, priority, attempt, crashes,
        requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
        tags, meta, release, gates, fair
      ) values (
        item.id, duckdive.class_of(item.expires_at - item.finished_at), item.finished_at, item.expires_at, item.state,
        item.reason, item.token, item.job, item.version, item.queue, item.priority, item.attempt, item.crashes,
        item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by,
        item.finish_by, item.long_input::integer + 2 * item.long_output::integer + 4 * item.long_error::integer,
        case when not item.long_input then item.input::json end,
        case when not item.long_output then item.output::json end,
        case when not item.long_error then item.error::json end, item.tags, item.meta, item.release,
        item.gates, item.fair
      );
    end if;
    perform duckdive.adopt_belongings(item, at);
    perform duckdive.adopt_others(item);
    return next item.id;
  end loop;
end $$;
`,
  },
  {
    number: 20,
    name: "metrics",
    sql: `-- Metrics over time: counts of minutes are rolled up to hours, and how long runs waited is counted by the step of a scale.

-- The counts of hours, from three hours ago back to thirty days ago; the minutes stand in duckdive.tally.
create table duckdive.tally_hour (like duckdive.tally including all);

-- How many executions began after a wait of that step, up to 2^(step / 2) milliseconds, by the minute.
create table duckdive.wait (
  minute bigint not null,
  queue text not null,
  step integer not null,
  number bigint not null,
  primary key (minute, queue, step)
);

-- The same by the hour.
create table duckdive.wait_hour (like duckdive.wait including all);

-- Adds what a worker has seen to the counts by the minute, in the order in which everybody does, so that two cannot wait for
-- each other. Indexes: the primary keys.
create function duckdive.add_tallies(p_tallies json, p_waits json) returns void
language plpgsql volatile as $$
begin
  insert into duckdive.tally as known (minute, queue, job, succeeded, failed, cancelled, retried, waited, ran)
  select minute, queue, job, sum(succeeded), sum(failed), sum(cancelled), sum(retried), sum(waited), sum(ran)
  from json_to_recordset(p_tallies) as told (
    minute bigint, queue text, job text, succeeded bigint, failed bigint, cancelled bigint, retried bigint,
    waited bigint, ran bigint
  )
  group by minute, queue, job
  order by minute, queue, job
  on conflict (minute, queue, job) do update set
    succeeded = known.succeeded + excluded.succeeded, failed = known.failed + excluded.failed,
    cancelled = known.cancelled + excluded.cancelled, retried = known.retried + excluded.retried,
    waited = known.waited + excluded.waited, ran = known.ran + excluded.ran;
  insert into duckdive.wait as known (minute, queue, step, number)
  select minute, queue, step, sum(number)
  from json_to_recordset(p_waits) as told (minute bigint, queue text, step integer, number bigint)
  group by minute, queue, step
  order by minute, queue, step
  on conflict (minute, queue, step) do update set number = known.number + excluded.number;
end $$;

-- Rolls up an hour of minutes that are all older than three hours, and answers whether there was one. What two workers roll
-- up at once is moved by the one that removes it first. Indexes: the primary keys.
create function duckdive.roll_up_tallies(p_now bigint) returns boolean
language plpgsql volatile as $$
declare
  span constant bigint := 3600000;
  latest constant bigint := (duckdive.now_or(p_now) - 3 * span) / span * span;
  oldest constant bigint := (
    select min(minute) from (
      select min(minute) as minute from duckdive.tally union all select min(minute) from duckdive.wait
    ) as ends
  );
  start constant bigint := oldest / span * span;
begin
  if oldest is null or oldest >= latest then return false; end if;
  with gone as (delete from duckdive.tally where minute < start + span returning *)
  insert into duckdive.tally_hour as known (minute, queue, job, succeeded, failed, cancelled, retried, waited, ran)
  select start, queue, job, sum(succeeded), sum(failed), sum(cancelled), sum(retried), sum(waited), sum(ran)
  from gone group by queue, job order by queue, job
  on conflict (minute, queue, job) do update set
    succeeded = known.succeeded + excluded.succeeded, failed = known.failed + excluded.failed,
    cancelled = known.cancelled + excluded.cancelled, retried = known.retried + excluded.retried,
    waited = known.waited + excluded.waited, ran = known.ran + excluded.ran;
  with gone as (delete from duckdive.wait where minute < start + span returning *)
  insert into duckdive.wait_hour as known (minute, queue, step, number)
  select start, queue, step, sum(number) from gone group by queue, step order by queue, step
  on conflict (minute, queue, step) do update set number = known.number + excluded.number;
  return true;
end $$;

-- Removes counts that are older than 30 days. Indexes: the primary keys.
create or replace function duckdive.prune_tallies(p_now bigint) returns void
language sql volatile as $$
  delete from duckdive.tally_hour where minute < duckdive.now_or(p_now) - 2592000000;
  delete from duckdive.wait_hour where minute < duckdive.now_or(p_now) - 2592000000
$$;

-- ── Pages of runs ───────────────────────────────────────────────────────────────────────────────────────────────────
-- The newest request first, with where each stands in that order. Ids made by duckdive (UUIDv7) begin with the time of the
-- request, so the primary keys have the order already; runs with ids of other kinds are few and have an index of their own. A
-- planner that knows little of a table that was filled a moment ago would rather read and sort all of it; so what it may not do
-- is said here, and each part stops at the limit. Whether a run is held is asked of a hash, which keeps the order.

-- All runs. Indexes: the primary keys of runs and history, runs_other, history_other.
create function duckdive.list_runs(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
  select page.id, page.moment from (
  (select live.id, duckdive.time_in(live.id) as moment from duckdive.runs as live
  where get_byte(uuid_send(live.id), 6) >> 4 = 7
    and live.id < p_ceiling and (duckdive.time_in(live.id), live.id) < (p_moment, p_before)
    and (p_ids is null or live.id = any(p_ids))
    and (p_states is null or case when live.id in (select held.id from duckdive.held as held) then 'running' else live.state end = any(p_states))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.id desc limit p_limit)
  union all
  (select live.id, live.requested_at as moment from duckdive.runs as live
  where get_byte(uuid_send(live.id), 6) >> 4 <> 7
    and (live.requested_at, live.id) < (p_moment, p_before)
    and (p_ids is null or live.id = any(p_ids))
    and (p_states is null or case when live.id in (select held.id from duckdive.held as held) then 'running' else live.state end = any(p_states))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.requested_at desc, live.id desc limit p_limit)
  union all
  (select past.id, duckdive.time_in(past.id) as moment from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 = 7
    and past.id < p_ceiling and (duckdive.time_in(past.id), past.id) < (p_moment, p_before)
    and (p_ids is null or past.id = any(p_ids))
    and (p_states is null or past.state = any(p_states))
    and (p_reasons is null or past.reason = any(p_reasons))
    and p_waiting is null
    and (p_jobs is null or past.job = any(p_jobs))
    and (p_queues is null or past.queue = any(p_queues))
    and (p_since is null or past.requested_at >= p_since)
    and (p_until is null or past.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(past.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(past.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.id desc limit p_limit)
  union all
  (select past.id, past.requested_at as moment from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 <> 7
    and (past.requested_at, past.id) < (p_moment, p_before)
    and (p_ids is null or past.id = any(p_ids))
    and (p_states is null or past.state = any(p_states))
    and (p_reasons is null or past.reason = any(p_reasons))
    and p_waiting is null
    and (p_jobs is null or past.job = any(p_jobs))
    and (p_queues is null or past.queue = any(p_queues))
    and (p_since is null or past.requested_at >= p_since)
    and (p_until is null or past.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(past.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(past.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.requested_at desc, past.id desc limit p_limit)
  ) as page
  order by page.moment desc, page.id desc limit p_limit
$$;

-- Runs that have not ended, for filters that no ended run fits. Indexes: the primary key of runs, runs_other.
create function duckdive.list_live(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
  select page.id, page.moment from (
  (select live.id, duckdive.time_in(live.id) as moment from duckdive.runs as live
  where get_byte(uuid_send(live.id), 6) >> 4 = 7
    and live.id < p_ceiling and (duckdive.time_in(live.id), live.id) < (p_moment, p_before)
    and (p_ids is null or live.id = any(p_ids))
    and (p_states is null or case when live.id in (select held.id from duckdive.held as held) then 'running' else live.state end = any(p_states))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.id desc limit p_limit)
  union all
  (select live.id, live.requested_at as moment from duckdive.runs as live
  where get_byte(uuid_send(live.id), 6) >> 4 <> 7
    and (live.requested_at, live.id) < (p_moment, p_before)
    and (p_ids is null or live.id = any(p_ids))
    and (p_states is null or case when live.id in (select held.id from duckdive.held as held) then 'running' else live.state end = any(p_states))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.requested_at desc, live.id desc limit p_limit)
  ) as page
  order by page.moment desc, page.id desc limit p_limit
$$;

-- Runs that failed or were cancelled, few among many that succeeded. Indexes: history_unwell, history_other.
create function duckdive.list_unwell(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
  select page.id, page.moment from (
  (select past.id, duckdive.time_in(past.id) as moment from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 = 7
    and past.id < p_ceiling and (duckdive.time_in(past.id), past.id) < (p_moment, p_before)
    and (p_ids is null or past.id = any(p_ids))
    and past.state <> 'succeeded'
    and (p_states is null or past.state = any(p_states))
    and (p_reasons is null or past.reason = any(p_reasons))
    and p_waiting is null
    and (p_jobs is null or past.job = any(p_jobs))
    and (p_queues is null or past.queue = any(p_queues))
    and (p_since is null or past.requested_at >= p_since)
    and (p_until is null or past.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(past.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(past.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.id desc limit p_limit)
  union all
  (select past.id, past.requested_at as moment from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 <> 7
    and (past.requested_at, past.id) < (p_moment, p_before)
    and (p_ids is null or past.id = any(p_ids))
    and past.state <> 'succeeded'
    and (p_states is null or past.state = any(p_states))
    and (p_reasons is null or past.reason = any(p_reasons))
    and p_waiting is null
    and (p_jobs is null or past.job = any(p_jobs))
    and (p_queues is null or past.queue = any(p_queues))
    and (p_since is null or past.requested_at >= p_since)
    and (p_until is null or past.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(past.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(past.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.requested_at desc, past.id desc limit p_limit)
  ) as page
  order by page.moment desc, page.id desc limit p_limit
$$;

-- Runs that are held by a worker, and no others: few among all that are live. Index: the primary key of runs.
create function duckdive.list_running(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off
as $$
  select live.id, case when get_byte(uuid_send(live.id), 6) >> 4 = 7 then duckdive.time_in(live.id) else live.requested_at end as moment
  from duckdive.held as held join duckdive.runs as live on live.id = held.id
  where true
    and (p_ids is null or live.id = any(p_ids))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
    and (
      case when get_byte(uuid_send(live.id), 6) >> 4 = 7 then duckdive.time_in(live.id) else live.requested_at end, live.id
    ) < (p_moment, p_before)
  order by moment desc, live.id desc limit p_limit
$$;

-- Runs that wait, and are held by nobody. Index: runs_waiting.
create function duckdive.list_waiting(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off
as $$
  select live.id, case when get_byte(uuid_send(live.id), 6) >> 4 = 7 then duckdive.time_in(live.id) else live.requested_at end as moment
  from duckdive.runs as live
  where live.state = 'waiting' and live.id not in (select held.id from duckdive.held as held)
    and (p_ids is null or live.id = any(p_ids))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
    and (
      case when get_byte(uuid_send(live.id), 6) >> 4 = 7 then duckdive.time_in(live.id) else live.requested_at end, live.id
    ) < (p_moment, p_before)
  order by moment desc, live.id desc limit p_limit
$$;
`,
  },
  {
    number: 21,
    name: "aging",
    sql: `-- Inputs that grow older: what stands in a run is of the version of its job that gave it. What people are not shown. And
-- which release of an application executed a run.

alter table duckdive.definition add column redact json; -- paths, as workers publish them

-- As before, and the run is of the version that its new input is of. Workers of an older version do not say which.
create or replace function duckdive.begin_anew(p_run uuid, p_durable smallint, p_restart json, p_at bigint) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  new_input constant text := p_restart ->> 'input';
  is_long constant boolean := coalesce(duckdive.is_long(new_input), false);
begin
  delete from duckdive.entry where run = p_run;
  insert into duckdive.entry (run, name, kind, state, position, value, attempts, written_at)
  select p_run, name, kind, state, 1, value, 0, p_at
  from json_to_record(p_restart -> 'entry') as entry (name text, kind text, state text, value text);
  if is_long then
    insert into duckdive.body (run, input) values (p_run, new_input)
    on conflict (run) do update set input = excluded.input;
  end if;
  update duckdive.runs set
    input = case when not is_long then new_input::json end, version = coalesce((p_restart ->> 'version')::integer, version), body = (body & 6) | is_long::integer, attempt = 0, crashes = 0,
    durable = (durable & ~2) | 1
  where id = p_run;
  if p_durable & 2 = 0 then return false; end if;
  delete from duckdive.child where parent = p_run;
  insert into duckdive.stray (run, parent)
  select live.id, p_run from duckdive.runs as live where live.parent = p_run and live.durable & 8 = 0
  on conflict do nothing;
  return found;
end $$;

-- Runs keep the worker that ended them; its release is found here long after it has gone. Nothing is written for it at a claim
-- or at an end.
create table duckdive.worker_release (
  worker text primary key,
  release text not null,
  at bigint not null
);
create index worker_release_at on duckdive.worker_release (at);

-- Kept for 400 days from the worker's start: longer than runs are, unless somebody keeps them for years.
create function duckdive.keep_release() returns trigger
language plpgsql as $$
begin
  if new.release is null then return null; end if;
  insert into duckdive.worker_release (worker, release, at) values (new.id, new.release, new.started_at)
  on conflict (worker) do update set release = excluded.release, at = excluded.at;
  delete from duckdive.worker_release where at < new.started_at - 34560000000;
  return null;
end $$;
create trigger keep_release after insert or update of release on duckdive.worker
for each row execute function duckdive.keep_release();

create function duckdive.release_of(p_worker text) returns text
language sql stable as $$ select release from duckdive.worker_release where worker = p_worker $$;

drop function duckdive.stored(uuid[]);
create function duckdive.stored(p_ids uuid[])
returns table (
  id uuid, job text, version integer, queue text, priority smallint, state text, reason text, wait_reason text, wait_on text,
  cancel_asked text, route text, token bigint, attempt integer, crashes integer, worker text, requested_at bigint,
  run_at bigint, started_at bigint, finished_at bigint, start_by bigint, finish_by bigint, expires_at bigint, body smallint,
  input json, output json, error json, tags json, meta json, release text,
  parent uuid, batch uuid, after uuid[], ran text
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  -- Nothing ends before it was asked for; a day for clocks that differ.
  earliest constant bigint := (select min(duckdive.time_in(one)) from unnest(p_ids) as one) - 86400000;
begin
  return query
  with held as materialized (
    select part.run, part.seq, claim.worker, claim.at
    from duckdive.claims as claim cross join lateral unnest(claim.runs, claim.seqs) as part (run, seq)
    where part.run = any(p_ids)
  )
  select live.id, live.job, live.version, live.queue, live.priority,
    case when held.run is null then live.state else 'running' end, null::text,
    live.wait_reason, coalesce(live.wait_on, live.awaits, needed.first[1]::text), live.cancel_asked, live.route, live.seq,
    live.attempt + (held.run is not null)::integer, live.crashes, held.worker, live.requested_at, live.run_at,
    coalesce(held.at, live.started_at), null::bigint, live.start_by, live.finish_by,
    null::bigint, live.body, live.input, null::json, live.error, live.tags, live.meta, live.release, live.parent,
    live.batch, nullif(needed.first, '{}'), duckdive.release_of(held.worker)
  from duckdive.runs as live left join held on held.run = live.id and held.seq = live.seq
  cross join lateral (
    select case when live.durable & 32 <> 0 then duckdive.first_needs(live.id) end as first offset 0
  ) as needed
  where live.id = any(p_ids)
  union all
  select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null, null, '',
    past.token, past.attempt, past.crashes, null, past.requested_at, past.run_at, past.started_at, past.finished_at,
    past.start_by, past.finish_by, past.expires_at, past.body, past.input, past.output, past.error, past.tags, past.meta,
    past.release, past.parent, past.batch,
    case when past.durable & 32 <> 0 then nullif(duckdive.first_needs(past.id), '{}') end, duckdive.release_of(past.worker)
  from duckdive.history as past where past.id = any(p_ids) and past.finished_at >= earliest;
end $$;
`,
  },
  {
    number: 22,
    name: "let-in",
    sql: `-- Who is let in at a rate and has not started stands in the way of the next: people are told who that is.

-- As before, and the holders of a rate are those whom it has let in and nobody executes yet.
create or replace function duckdive.standing(p_run uuid, p_now bigint) returns json
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  run duckdive.runs;
begin
  select * into run from duckdive.runs where id = p_run;
  return (
    with holder as materialized (
      select holder.key, live.id, live.job, live.state, claim.at, one.room
      from unnest(run.gate_keys, run.gate_limits) as one (key, room)
      join duckdive.holders_of(run.gate_keys) as holder on holder.key = one.key
      join duckdive.runs as live on live.id = holder.run
      left join duckdive.held as claim on claim.id = live.id and claim.seq = live.seq
    )
    select json_agg(json_build_object(
      'gate', run.gates -> (one.number::integer - 1),
      'isHolding', exists (select from holder where holder.key = one.key and holder.id = run.id),
      'isParked', coalesce(run.parked_on = one.key, false),
      'used', case when one.room > 0 then (select count(*) from holder where holder.key = one.key) else 0 end,
      'holders', (
        select coalesce(json_agg(json_build_object(
          'run', ten.id, 'job', ten.job, 'state', case when ten.at is null then ten.state else 'running' end, 'since', ten.at
        ) order by ten.at nulls last, ten.id), '[]')
        from (
          select * from holder where holder.key = one.key and (one.room > 0 or holder.at is null)
          order by holder.at nulls last, holder.id limit 10
        ) as ten
      ),
      'ahead', (
        select count(*) from (
          select from duckdive.runs as other
          where other.parked_on = one.key and (
            run.parked_on is distinct from one.key
            or (-other.priority, other.run_at, other.id) < (-run.priority, run.run_at, run.id)
          )
          limit 10000
        ) as line
      ),
      'opensAt', case when one.room < 0 then (
        select duckdive.opens_at(gate.own, rate.step, rate.burst)
        from duckdive.rate_of(run.gates -> (one.number::integer - 1)) as rate
        left join lateral (
          select newest as own from duckdive.gate as newest where newest.key = one.key order by newest.n desc limit 1
        ) as gate on true
      ) end
    ) order by one.number)
    from unnest(run.gate_keys, run.gate_limits) with ordinality as one (key, room, number)
  );
end $$;
`,
  },
  {
    number: 23,
    name: "open",
    sql: `-- A plan made while there were no dependencies could read every open one for each run, until the next statistics: both of these
-- indexes served every question that asks for what is open. Each now serves those alone that name its first column.

drop index duckdive.dependency_open;
drop index duckdive.dependency_needs;
create index dependency_open on duckdive.dependency (run, needs) where is_open and run is not null;
create index dependency_needs on duckdive.dependency (needs) where is_open and needs is not null;
`,
  },
  {
    number: 24,
    name: "plain",
    sql: `-- Most runs ask for nothing but to be done. What they need is a small statement, which is begun in half of the time that the one
-- takes which knows everything a run can ask for; and since nobody else can have their ids yet, it need not look for conflicts.

alter function duckdive.insert_runs(uuid[], text[], integer[], json, uuid[], boolean, bigint, text, text, uuid[])
  rename to insert_any;

-- As \`insert_any\`, by a short way for runs that are alike, are to start at once, and ask for nothing that concerns others. Whatever
-- a shape may say and a plain run does not have is named here.
create function duckdive.insert_runs(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[] default null
) returns setof uuid
language plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  shape record;
  own_lane integer;
  at bigint;
begin
  if p_nonce is not null and p_nonce <> (select nonce from duckdive.meta) then
    return query select null::uuid;
    return;
  end if;
  if cardinality(p_known) = 0 and p_keys is null and not p_is_long and json_array_length(p_shapes) = 1 then
    select one.*, coalesce((select reroute.queue from duckdive.reroute where reroute.job = one.job), one.queue) as home
    into shape
    from json_to_record(p_shapes -> 0) as one (
      job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
      start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json,
      parent json, flow smallint, batch uuid
    );
    if coalesce(shape.due_at, shape.due_after, shape.start_within, shape.finish_within, shape.flow) is null
      and coalesce(shape.waiting, shape.fair, shape.batch::text) is null
      and shape.gates is null and shape."unique" is null and shape.parent is null
    then
      own_lane := (
        select id from duckdive.lane where queue = shape.home and priority = shape.priority and route = '' and not front
          and not gated and not fair
      );
    end if;
  end if;
  if own_lane is null then
    return query select duckdive.insert_any(
      p_ids, p_inputs, p_numbers, p_shapes, p_known, p_is_long, p_now, p_notice, null, p_keys
    );
    return;
  end if;
  at := duckdive.moment(p_now);
  insert into duckdive.runs (
    id, lane, state, job, version, queue, priority, requested_at, run_at, input, tags, meta, release
  )
  select asked.id, own_lane, 'ready', shape.job, shape.version, shape.home, shape.priority, at, at, asked.input::json,
    shape.tags, shape.meta, shape.release
  from unnest(p_ids, p_inputs) as asked (id, input);
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
end $$;
`,
  },
] as const;
