// Generated from src/store/sqlite/sql and src/store/sqlite/migrations by scripts/compile-sql.mjs.
// Change the .sql files, then run `npm run docs`; `npm run check` fails when this file is stale.

export const statements = {
  abilities: `select worker, job, version from duckdive_ability order by job`,
  ableWorker: `select 1 from duckdive_ability where job = :job and version >= :version limit 1`,
  admissionOfRun: `select gates, fair from duckdive_run where id = :id`,
  adoptBatch: `insert into duckdive_batch
  (id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, on_success, on_finished, created_at, finished_at, succeeded_at)
values
  (:id, :name, :batch, :counted, :total, :succeeded, :failed, :cancelled, :elsewhere, :onSuccess, :onFinished, :createdAt, :finishedAt, :succeededAt)
on conflict (id) do update set
  elsewhere = excluded.elsewhere,
  finished_at = coalesce(finished_at, excluded.finished_at), succeeded_at = coalesce(succeeded_at, excluded.succeeded_at)`,
  adoptBody: `insert into duckdive_body (run, input, output, error) values (:run, :input, :output, :error)`,
  adoptDependencies: `insert into duckdive_dependency (run, needs, done)
select :run, asked.value, coalesce((select state = 'succeeded' from duckdive_run where id = asked.value), 0)
from json_each(:ids) as asked where true
on conflict (run, needs) do nothing`,
  adoptEvents: `insert into duckdive_event (run, number, at, kind, attempt, token, worker, detail)
select :run, key + 1, value ->> '$.at', value ->> '$.kind', value ->> '$.attempt', value ->> '$.token', value ->> '$.worker',
  value -> '$.detail'
from json_each(:events)`,
  adoptLogs: `insert into duckdive_log (run, number, at, attempt, level, message, fields)
select :run, key + 1, value ->> '$.at', value ->> '$.attempt', value ->> '$.level', value ->> '$.message', value -> '$.fields'
from json_each(:logs)`,
  adoptProgress: `insert into duckdive_progress (run, at, done, total, note) values (:run, :now, :done, :total, :note)`,
  adoptRun: `insert into duckdive_run (
  id, job, version, queue, priority, route, state, run_at, attempt, token, started_at, finished_at, expires_at, body, crashes,
  reason, wait_reason, wait_on, requested_at, start_within, finish_within, start_by, finish_by, input, output, error, tags,
  meta, release, gates, fair, durable, wake_at, batch, on_parent_failure, ran
)
values (
  :id, :job, :version, :queue, :priority, :route, :state, :runAt, :attempt, :token, :startedAt, :finishedAt, :expiresAt,
  :body, :crashes, :reason, :waitReason, :waitOn, :requestedAt, :startWithin, :finishWithin, :startBy, :finishBy,
  :input, :output, :error, :tags, :meta, :release, :gates, :fair, :durable, :wakeAt, :batch, :onParentFailure, :ran
)
on conflict (id) do nothing`,
  appendEvent: `insert into duckdive_event (run, number, at, kind, attempt, token, worker, detail)
select :run, coalesce((select max(number) from duckdive_event where run = :run), 0) + 1,
  :at, :kind, run.attempt, run.token, run.worker, :detail
from duckdive_run as run where run.seq = :run`,
  appendTick: `insert into duckdive_tick (schedule, number, at, until, count, outcome, run, note, recorded_at)
values (:name, :number, :at, :until, :count, :outcome, :run, :note, :now)`,
  appendUnparked: `insert into duckdive_event (run, number, at, kind, attempt, token, worker, detail)
select run.seq, coalesce((select max(number) from duckdive_event where run = run.seq), 0) + 1,
  :now, 'unparked', run.attempt, run.token, null, json_object('reason', :reason, 'on', :on)
from duckdive_run as run
where run.state = 'waiting' and run.wait_reason = :reason and run.wait_on = :on`,
  askCancel: `update duckdive_run set cancel_asked = :reason where seq = :seq`,
  awaited: `select state, due_at from duckdive_entry
where run = :run and name in (select value from json_each(:names))`,
  batchAtHand: `select id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, created_at, finished_at, succeeded_at
from duckdive_batch where id = :id`,
  batches: `select id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, created_at, finished_at, succeeded_at
from duckdive_batch where id in (select value from json_each(:ids))`,
  beat: `update duckdive_worker set heartbeat_at = :now, beats = beats + 1, report = coalesce(:report, report) where id = :worker`,
  beforeRetry: `select state, durable, batch from duckdive_run where seq = :seq`,
  bodiesInput: `select run, input from duckdive_body where run in (select value from json_each(:seqs))`,
  callbacksOfBatch: `select on_success, on_finished from duckdive_batch where id = :id`,
  cancelledOfWorker: `select id, token, cancel_asked from duckdive_run
where cancel_asked is not null and worker = :worker and state = 'running'`,
  changeEntry: `update duckdive_entry
set state = :state, position = :position, value = :value, error = :error, due_at = coalesce(:dueAt, due_at),
  attempts = coalesce(:attempts, attempts), written_at = :now
where run = :run and name = :name and state = 'pending'`,
  changeRun: `update duckdive_run
set queue = coalesce(:queue, queue), priority = coalesce(:priority, priority), run_at = coalesce(:runAt, run_at),
  state = case when :runAt is null or state = 'waiting' then state when :runAt > :now then 'scheduled' else 'ready' end
where seq = :seq and state in ('scheduled', 'ready', 'waiting')`,
  changeSchedule: `update duckdive_schedule set
  origin = :origin, job = :job, times = :times, policy = :policy, input = :input, digest = :digest, former = :former,
  release = :release, next_at = :next, retired_at = null
where name = :name`,
  childAtHand: `select run.seq, run.state, run.reason, iif(run.body & 2, body.output, run.output), iif(run.body & 4, body.error, run.error)
from duckdive_run as run
left join duckdive_body as body on body.run = run.seq and run.body <> 0
where run.id = :id and run.parent = :parent and run.parent_entry = :entry`,
  claimRuns: `update duckdive_run
set state = 'running', token = :token, attempt = attempt + 1, worker = :worker, started_at = :now,
  ran = (select release from duckdive_worker where id = :worker)
where seq in (select value from json_each(:seqs))`,
  claimableLane: `select json_group_array(json_array(
  seq, id, job, version, queue, priority, input, attempt + 1, crashes, requested_at, run_at,
  iif(started_at is null, start_by, null), finish_by, tags, meta, parent, body, gates, fair, durable, batch
))
from (
  select * from duckdive_run
  where state = 'ready' and fair is null and queue = :queue and priority = :priority and route = :route
  order by run_at, seq limit :limit
)`,
  claimableRuns: `select json_group_array(json_array(
  seq, id, job, version, queue, priority, input, attempt + 1, crashes, requested_at, run_at,
  iif(started_at is null, start_by, null), finish_by, tags, meta, parent, body, gates, fair, durable, batch
))
from (
  select * from duckdive_run
  where seq in (select value from json_each(:seqs)) and state = 'ready'
)`,
  closeDependency: `update duckdive_dependency set done = 1 where run = :run and needs = :needs`,
  closeGone: `update duckdive_dependency indexed by duckdive_dependency_open set done = 1
where run = :run and done = 0 and not exists (
  select 1 from duckdive_run where id = duckdive_dependency.needs and state <> 'succeeded'
)`,
  countAll: `select count(*) from duckdive_run`,
  countBatchAs: `update duckdive_batch set counted = :counted where id = :id`,
  countBatch: `update duckdive_batch
set total = total + :total, succeeded = succeeded + :succeeded, failed = failed + :failed, cancelled = cancelled + :cancelled
where id = :id
returning id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, created_at, finished_at, succeeded_at`,
  countChildren: `select count(*) from duckdive_run
where parent in (select value from json_each(:parents))
  and (:jobs is null or job in (select value from json_each(:jobs)))
  and (:states is null or state in (select value from json_each(:states)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:waiting is null or (state = 'waiting' and wait_reason in (select value from json_each(:waiting))))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)`,
  countRunsById: `select count(*) from duckdive_run
where id in (select value from json_each(:ids))
  and (:parents is null or parent in (select value from json_each(:parents)))
  and (:jobs is null or job in (select value from json_each(:jobs)))
  and (:states is null or state in (select value from json_each(:states)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:waiting is null or (state = 'waiting' and wait_reason in (select value from json_each(:waiting))))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)`,
  countRuns: `select count(*) from duckdive_run
where seq < :before and seq >= :floor
  and (:jobs is null or job in (select value from json_each(:jobs)))
  and (:states is null or state in (select value from json_each(:states)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:waiting is null or (state = 'waiting' and wait_reason in (select value from json_each(:waiting))))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)`,
  countStates: `select 'scheduled' as state, count(*) as number from duckdive_run where state = 'scheduled'
union all select 'ready', (select count(*) from duckdive_run where state = 'ready' and fair is null)
  + (select count(*) from duckdive_run where state = 'ready' and fair is not null)
union all select 'running', count(*) from duckdive_run where state = 'running'
union all select 'waiting', count(*) from duckdive_run where state = 'waiting'
union all select 'failed', count(*) from duckdive_run where state in ('failed', 'cancelled') and state = 'failed'
union all select 'cancelled', count(*) from duckdive_run where state in ('failed', 'cancelled') and state = 'cancelled'`,
  countWaits: `insert into duckdive_wait (minute, queue, step, number) values (:minute, :queue, :step, :number)
on conflict (minute, queue, step) do update set number = number + excluded.number`,
  countWorkers: `select count(*) from duckdive_worker where :worker is null or id = :worker`,
  definitions: `select job, version, queue, priority, attempts, prepared, description, crashes, events, redact from duckdive_definition order by job`,
  deleteAbilities: `delete from duckdive_ability where worker = :worker`,
  deleteBody: `delete from duckdive_body where run in (select value from json_each(:seqs))`,
  deleteDependency: `delete from duckdive_dependency where run in (select value from json_each(:seqs))`,
  deleteEntriesNamed: `delete from duckdive_entry where run = :run and name in (select value from json_each(:names))`,
  deleteEntry: `delete from duckdive_entry where run in (select value from json_each(:seqs))`,
  deleteEvent: `delete from duckdive_event where run in (select value from json_each(:seqs))`,
  deleteLog: `delete from duckdive_log where run in (select value from json_each(:seqs))`,
  deleteMessagesOf: `delete from duckdive_message where worker = :worker`,
  deleteMessages: `delete from duckdive_message where worker = :worker and id in (select value from json_each(:messages))`,
  deleteOldTallies: `delete from duckdive_tally_hour where minute in (
  select distinct minute from duckdive_tally_hour where minute < :before order by minute limit :limit
)`,
  deleteOldWaits: `delete from duckdive_wait_hour where minute in (
  select distinct minute from duckdive_wait_hour where minute < :before order by minute limit :limit
)`,
  deleteProgress: `delete from duckdive_progress where run in (select value from json_each(:seqs))`,
  deleteRuns: `delete from duckdive_run where seq in (select value from json_each(:seqs)) and state <> 'running'`,
  deleteSchedule: `delete from duckdive_schedule where name = :name`,
  deleteScheduler: `delete from duckdive_scheduler where worker = :worker`,
  deleteSignals: `delete from duckdive_signal where run in (
  select id from duckdive_run where seq in (select value from json_each(:seqs))
)`,
  deleteTallies: `delete from duckdive_tally where minute < :before`,
  deleteWaits: `delete from duckdive_wait where minute < :before`,
  deleteWorker: `delete from duckdive_worker where id = :worker`,
  depart: `insert into duckdive_departed (id, host, pid, release, started_at, heartbeat_at, ended_at, how, cause, lost, runs)
select id, host, pid, release, started_at, heartbeat_at, :now, :how, :cause, :lost, :runs
from duckdive_worker where id = :worker`,
  departed: `select id, host, pid, release, started_at, heartbeat_at, ended_at, how, cause, lost, runs
from duckdive_departed order by number desc limit :limit`,
  dueSchedules: `select name, origin, job, times, policy, input, next_at from duckdive_schedule
where next_at <= :now and paused_at is null and retired_at is null
  and case origin when 'code' then name in (select value from json_each(:names)) else job in (select value from json_each(:jobs)) end
order by next_at limit :limit`,
  endReroute: `delete from duckdive_reroute where job = :job`,
  endRun: `update duckdive_run
set state = :state, reason = :reason, finished_at = :now, expires_at = max(:expiresAt, coalesce(unique_until, 0)), worker = null,
  wait_reason = null, wait_on = null, wake_at = null, parked_on = null, cancel_asked = null, attempt = attempt - :giveBack,
  output = :output, error = :error, body = :body, crashes = crashes + :crashes
where seq = :seq
returning gates, durable, parent, parent_entry, batch`,
  endSlots: `delete from duckdive_slots where queue = :queue`,
  endedAtHand: `select seq from duckdive_run where id = :id and state in ('failed', 'cancelled')`,
  endedChildren: `select seq from duckdive_run
where parent = :parent and parent_entry in (select value from json_each(:entries))
  and state in ('succeeded', 'failed', 'cancelled')`,
  enterScheduler: `insert into duckdive_scheduler (schedule, worker, digest)
select :name, :worker, :digest where exists (select 1 from duckdive_worker where id = :worker)
on conflict (schedule, worker) do update set digest = excluded.digest`,
  entries: `select entry.name, entry.kind, entry.hash, entry.state, entry.position, entry.value, entry.error, entry.due_at, entry.attempts,
  entry.written_at
from duckdive_entry as entry
where entry.run = (select seq from duckdive_run where id = :id)
order by entry.position is null, entry.position, entry.number, entry.name`,
  entryAtHand: `select kind, state, value is not null from duckdive_entry where run = :run and name = :name`,
  expiredFinish: `select seq, id, body, job from duckdive_run
where finish_by is not null and state in ('scheduled', 'ready', 'waiting') and finish_by <= :now
order by finish_by, seq limit :limit`,
  expiredStart: `select seq, id, body, job from duckdive_run
where start_by is not null and started_at is null and state in ('scheduled', 'ready', 'waiting') and start_by <= :now
order by start_by, seq limit :limit`,
  failedNeed: `select needed.id, needed.state, run.on_parent_failure
from duckdive_dependency as pair
cross join duckdive_run as needed on needed.id = pair.needs
cross join duckdive_run as run on run.seq = pair.run
where pair.run = :run and pair.done = 0 and needed.state in ('failed', 'cancelled') limit 1`,
  fairQueue: `select turn, after from duckdive_fair where queue = :queue`,
  familyOfRuns: `select seq, id, state, durable, parent, parent_entry, batch from duckdive_run
where seq in (select value from json_each(:seqs)) and durable & 30 <> 0`,
  finishBatch: `update duckdive_batch
set finished_at = coalesce(finished_at, :finishedAt), succeeded_at = coalesce(succeeded_at, :succeededAt)
where id = :id
returning on_success, on_finished`,
  firstInLines: `select line.gate, run.seq, run.gates, run.run_at,
  (select count(*) from duckdive_place as place where place.gate = line.gate),
  coalesce(rate.arrival, 0), coalesce(rate.held_until, 0)
from (
  select value as gate, (
    select seq from duckdive_run where parked_on = value order by priority desc, run_at, seq limit 1
  ) as first
  from json_each(:gates)
) as line
join duckdive_run as run on run.seq = line.first
left join duckdive_rate as rate on rate.gate = line.gate`,
  followers: `select run.seq, run.id, run.body, run.state = 'waiting' and run.wait_reason in ('dependency', 'preparation'), run.on_parent_failure
from duckdive_dependency as pair cross join duckdive_run as run on run.seq = pair.run
where pair.needs = :needs and pair.done = 0`,
  forgetBatches: `delete from duckdive_batch
where id in (
  select id from duckdive_batch as over
  where over.finished_at <= :before
    and not exists (select 1 from duckdive_run where batch = over.id)
    and not exists (select 1 from duckdive_batch as own where own.batch = over.id)
  limit :limit
)`,
  forgetDeparted: `delete from duckdive_departed
where ended_at < :now - 604800000
  or number <= (select number from duckdive_departed order by number desc limit 1 offset 1000)`,
  forgetOpenings: `update duckdive_rate set opens_at = null
where gate in (select value from json_each(:gates)) and opens_at is not null`,
  forgetRates: `delete from duckdive_rate
where gate in (
  select gate from duckdive_rate as rate
  where over_at <= :now and opens_at is null
    and not exists (select 1 from duckdive_place as place where place.gate = rate.gate)
  order by over_at limit :limit
)`,
  forgetSignals: `delete from duckdive_signal where seq in (select seq from duckdive_signal where received_at < :before limit :limit)`,
  forgetTicks: `delete from duckdive_tick where schedule = :name and number <= :number`,
  forgetTurns: `delete from duckdive_turn where queue = :queue and turn <= :turn`,
  forgettableBatch: `select 1 from duckdive_batch
where finished_at <= :before
  and not exists (select 1 from duckdive_run where batch = duckdive_batch.id)
  and not exists (select 1 from duckdive_batch as own where own.batch = duckdive_batch.id)
limit 1`,
  forgettableRate: `select 1 from duckdive_rate where over_at <= :now and opens_at is null order by over_at limit 1`,
  forgotten: `select name from duckdive_entry
where run = :run and (
  state = 'pending' or position >= (select position from duckdive_entry where run = :run and name = :name)
)`,
  gateHolders: `select run.id, run.job, run.state, run.started_at
from duckdive_place as place join duckdive_run as run on run.seq = place.run
where place.gate = :gate
order by place.run limit 10`,
  gateLine: `select count(*) from (
  select 1 from duckdive_run
  where parked_on = :gate and (
    :seq is null or priority > :priority
    or (priority = :priority and (run_at < :runAt or (run_at = :runAt and seq < :seq)))
  )
  limit 10000
)`,
  gatesInLine: `select value from json_each(:gates) where exists (select 1 from duckdive_run where parked_on = value)`,
  gatesOfRuns: `select seq, gates, state from duckdive_run
where seq in (select value from json_each(:seqs)) and gates is not null
  and state in ('scheduled', 'ready', 'running', 'waiting')`,
  gatesTaken: `select json_group_array(json_array(gate, used))
from (
  select value as gate, (select count(*) from duckdive_place as place where place.gate = value) as used
  from json_each(:gates)
)
where used > 0`,
  giveKey: `update duckdive_run set unique_key = :key, unique_while = :while, unique_until = requested_at + :window where id = :id`,
  giveSignals: `update duckdive_signal set run = :id
where run is null and key = :key and job = (select job from duckdive_run where id = :id)`,
  giveTurns: `insert into duckdive_turn (queue, fair, turn)
select :queue, value ->> 0, value ->> 1 from json_each(:turns) where true
on conflict (queue, fair) do update set turn = excluded.turn`,
  heldQueues: `select queue, until from duckdive_held where until > :now`,
  holdQueue: `insert into duckdive_held (queue, until) values (:queue, :until)
on conflict (queue) do update set until = max(until, excluded.until)`,
  holdRates: `insert into duckdive_rate (gate, arrival, held_until, over_at)
select value, 0, :until, :until from json_each(:gates) where true
on conflict (gate) do update
set held_until = max(held_until, excluded.held_until), over_at = max(over_at, excluded.over_at)`,
  holderOfKey: `select seq, id, state, wait_reason, requested_at, gates from duckdive_run
where unique_key = :key and instr(unique_while, state) > 0 and seq <> :seq
union all
select seq, id, state, wait_reason, requested_at, gates from duckdive_run
where unique_key = :key and unique_until is not null and unique_until > :requestedAt and seq <> :seq
limit 1`,
  insertAbility: `insert into duckdive_ability (job, worker, version) values (:job, :worker, :version)
on conflict (job, worker) do update set version = max(version, excluded.version)`,
  insertBatch: `insert into duckdive_batch (id, name, batch, on_success, on_finished, created_at)
values (:id, :name, :batch, :onSuccess, :onFinished, :now)
on conflict (id) do nothing`,
  insertBody: `insert into duckdive_body (run, input)
select seq, :input from duckdive_run where id = :id`,
  insertDependencies: `insert into duckdive_dependency (run, needs, done)
select :run, needed.id, needed.state = 'succeeded' or (:letsGo = 1 and needed.state in ('failed', 'cancelled'))
from json_each(:ids) as asked cross join duckdive_run as needed on needed.id = asked.value
where true
on conflict (run, needs) do nothing`,
  insertEntry: `insert into duckdive_entry (run, name, kind, hash, state, position, value, error, due_at, attempts, number, written_at)
values (
  :run, :name, :kind, :hash, :state, :position, :value, :error, :dueAt, :attempts,
  iif(:kind = 'signal' and :state = 'pending', 1 + coalesce((
    select max(number) from duckdive_entry where run = :run and hash = :hash and state = 'pending' and kind = 'signal'
  ), 0), null),
  :now
)`,
  insertLog: `insert into duckdive_log (run, number, at, attempt, level, message, fields)
select run.seq, coalesce((select max(number) from duckdive_log where run = run.seq), 0) + 1,
  :now, run.attempt, :level, :message, :fields
from duckdive_run as run where run.id = :id and run.token = :token and run.state = 'running'`,
  insertRun: `insert into duckdive_run (
  id, job, version, queue, priority, state, wait_reason, requested_at, run_at, start_within, finish_within,
  start_by, finish_by, gates, fair, input, body, tags, meta, release, parent, parent_entry, on_parent_end, batch, on_parent_failure, durable
)
values (
  :id, :job, :version, coalesce((select queue from duckdive_reroute where job = :job), :queue), :priority, :state, :waitReason, :requestedAt, :runAt, :startWithin, :finishWithin,
  :requestedAt + :startWithin, :requestedAt + :finishWithin, :gates, :fair, :input, :body, :tags, :meta, :release,
  :parent, :parentEntry, :onParentEnd, :batch, :onParentFailure, :durable
)
on conflict (id) do nothing`,
  insertSchedule: `insert into duckdive_schedule (name, origin, job, times, policy, input, digest, former, release, next_at, created_at)
values (:name, :origin, :job, :times, :policy, :input, :digest, '[]', :release, :next, :now)`,
  insertSignal: `insert into duckdive_signal (id, run, job, key, name, payload, received_at, taken)
values (:id, :run, :job, :key, :name, :payload, :now, 0)
on conflict (id) do nothing`,
  isAtRest: `select 1 from duckdive_run where seq = :seq and state in ('scheduled', 'ready', 'waiting')`,
  isNeeded: `select 1 from duckdive_dependency where needs = :id and done = 0 limit 1`,
  isPaused: `select 1 from duckdive_pause where kind = :kind and name = :name`,
  keepResults: `update duckdive_entry set value = :value
where run = :run and name = :name and kind = 'children' and state = 'done' and value is null`,
  keyOfRun: `select unique_key, requested_at from duckdive_run where seq = :seq and unique_key is not null`,
  lanePage: `select seq, run_at from duckdive_run
where state = 'ready' and fair is null and queue = :queue and priority = :priority and route = :route
  and run_at >= :runAt and (run_at > :runAt or seq > :seq)
order by run_at, seq
limit :limit`,
  lanesFair: `with recursive lane (seq) as (
  select (
    select seq from duckdive_run where state = 'ready' and fair is not null
    order by queue, priority, route, fair, run_at, seq limit 1
  )
  union all
  select coalesce(
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is not null
        and run.queue = here.queue and run.priority = here.priority and run.route > here.route
      order by run.route, run.fair, run.run_at, run.seq limit 1
    ),
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is not null and run.queue = here.queue and run.priority > here.priority
      order by run.priority, run.route, run.fair, run.run_at, run.seq limit 1
    ),
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is not null and run.queue > here.queue
      order by run.queue, run.priority, run.route, run.fair, run.run_at, run.seq limit 1
    )
  )
  from lane join duckdive_run as here on here.seq = lane.seq
)
select run.queue, run.priority, run.route from lane join duckdive_run as run on run.seq = lane.seq`,
  lanes: `with recursive lane (seq) as (
  select (
    select seq from duckdive_run where state = 'ready' and fair is null
    order by queue, priority, route, run_at, seq limit 1
  )
  union all
  select coalesce(
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is null
        and run.queue = here.queue and run.priority = here.priority and run.route > here.route
      order by run.route, run.run_at, run.seq limit 1
    ),
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is null and run.queue = here.queue and run.priority > here.priority
      order by run.priority, run.route, run.run_at, run.seq limit 1
    ),
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is null and run.queue > here.queue
      order by run.queue, run.priority, run.route, run.run_at, run.seq limit 1
    )
  )
  from lane join duckdive_run as here on here.seq = lane.seq
)
select run.queue, run.priority, run.route, run.run_at, run.seq
from lane join duckdive_run as run on run.seq = lane.seq`,
  lastPosition: `select max(position) from duckdive_entry where run = :run and position is not null`,
  leaveLine: `update duckdive_run
set state = iif(run_at > :now, 'scheduled', 'ready'), wait_reason = null, wait_on = null, parked_on = null
where seq = :seq`,
  letGoPlaces: `delete from duckdive_place
where (gate, run) in (select cast(value ->> 0 as text), cast(value ->> 1 as integer) from json_each(:places))`,
  letGoRun: `update duckdive_run
set state = iif(run_at > :now, 'scheduled', 'ready'), run_at = max(run_at, :now), wait_reason = null, wait_on = null
where seq = :seq and state = 'waiting' and wait_reason = 'dependency'
returning run_at`,
  letGoUnkept: `delete from duckdive_place
where kept = 0
  and (gate, run) in (select cast(value ->> 0 as text), cast(value ->> 1 as integer) from json_each(:places))`,
  listBatches: `select id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, created_at, finished_at, succeeded_at
from duckdive_batch where id < :before order by id desc limit :limit`,
  listChildren: `select seq from duckdive_run
where parent in (select value from json_each(:parents)) and seq < :before
  and (:jobs is null or job in (select value from json_each(:jobs)))
  and (:states is null or state in (select value from json_each(:states)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:waiting is null or (state = 'waiting' and wait_reason in (select value from json_each(:waiting))))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)
order by seq desc limit :limit`,
  listEndedRuns: `select seq from duckdive_run
where state in ('failed', 'cancelled') and state = :state and seq < :before and seq >= :floor
  and (:jobs is null or job in (select value from json_each(:jobs)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:waiting is null or (state = 'waiting' and wait_reason in (select value from json_each(:waiting))))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)
order by seq desc limit :limit`,
  listRunsById: `select seq from duckdive_run
where id in (select value from json_each(:ids)) and seq < :before
  and (:parents is null or parent in (select value from json_each(:parents)))
  and (:jobs is null or job in (select value from json_each(:jobs)))
  and (:states is null or state in (select value from json_each(:states)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:waiting is null or (state = 'waiting' and wait_reason in (select value from json_each(:waiting))))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)
order by seq desc limit :limit`,
  listRunsOfJob: `select seq from duckdive_run
where job = :job and seq < :before and seq >= :floor
  and (:states is null or state in (select value from json_each(:states)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:waiting is null or (state = 'waiting' and wait_reason in (select value from json_each(:waiting))))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)
order by seq desc limit :limit`,
  listRunsOfSeqs: `select seq from duckdive_run
where seq in (select value from json_each(:seqs)) and seq < :before
  and (:jobs is null or job in (select value from json_each(:jobs)))
  and (:states is null or state in (select value from json_each(:states)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:waiting is null or (state = 'waiting' and wait_reason in (select value from json_each(:waiting))))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)
order by seq desc limit :limit`,
  listRuns: `select seq from duckdive_run
where seq < :before and seq >= :floor
  and (:jobs is null or job in (select value from json_each(:jobs)))
  and (:states is null or state in (select value from json_each(:states)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:waiting is null or (state = 'waiting' and wait_reason in (select value from json_each(:waiting))))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)
order by seq desc limit :limit`,
  listUnpreparedRuns: `select seq from duckdive_run
where state = 'waiting' and wait_reason = 'preparation' and wait_on is null and seq < :before and seq >= :floor
  and (:jobs is null or job in (select value from json_each(:jobs)))
  and (:states is null or state in (select value from json_each(:states)))
  and (:queues is null or queue in (select value from json_each(:queues)))
  and (:reasons is null or reason in (select value from json_each(:reasons)))
  and (:since is null or requested_at >= :since)
  and (:until is null or requested_at < :until)
  and (:tags is null or exists (
    select 1 from json_each(duckdive_run.tags) as had where had.value in (select value from json_each(:tags))
  ))
  and (:meta is null or not exists (
    select 1 from json_each(:meta) as wanted
    where not exists (
      select 1 from json_each(coalesce(duckdive_run.meta, '{}')) as had
      where had.key = wanted.key and had.value = wanted.value
    )
  ))
  and (:errors is null or exists (
    select 1 from json_each(:errors) as wanted, json_each(iif(body & 4, (select error from duckdive_body where run = duckdive_run.seq), duckdive_run.error)) as had
    where had.key in ('name', 'code') and had.value = wanted.value
  ))
  and (:text is null or instr(iif(body & 1, (select input from duckdive_body where run = duckdive_run.seq), input), :text) > 0)
order by seq desc limit :limit`,
  liveChildren: `select seq, id, state, cancel_asked, body from duckdive_run
where parent = :parent and state in ('scheduled', 'ready', 'running', 'waiting') and on_parent_end = 'cancel'`,
  liveSeqs: `select seq from duckdive_run where state = 'running' and exists (select 1 from json_each(:states) where value = 'running')
union all
select seq from duckdive_run where state = 'waiting' and exists (select 1 from json_each(:states) where value = 'waiting')
union all
select seq from duckdive_run where state = 'scheduled' and exists (select 1 from json_each(:states) where value = 'scheduled')
union all
select seq from duckdive_run where state = 'ready' and fair is null
  and exists (select 1 from json_each(:states) where value = 'ready')
union all
select seq from duckdive_run where state = 'ready' and fair is not null
  and exists (select 1 from json_each(:states) where value = 'ready')
limit :limit`,
  logs: `select at, attempt, level, message, fields from duckdive_log
where run = (select seq from duckdive_run where id = :id) order by number`,
  markFollowed: `update duckdive_run set durable = durable | 8
where id in (select value from json_each(:ids)) and durable & 8 = 0`,
  markNeeded: `update duckdive_run set durable = durable | 8
where id in (select needs from duckdive_dependency where run = :run and done = 0) and durable & 8 = 0`,
  markParent: `update duckdive_run set durable = durable | 2 where id = :id and durable & 2 = 0`,
  markProgress: `update duckdive_run set attempt = 1, durable = durable | 1 where seq = :seq`,
  messages: `select id, name, payload, at from duckdive_message where worker = :worker order by number limit 100`,
  missingRun: `select value from json_each(:ids) as asked
where not exists (select 1 from duckdive_run where id = asked.value) limit 1`,
  moveFairQueue: `insert into duckdive_fair (queue, turn, after) values (:queue, :turn, :after)
on conflict (queue) do update set turn = excluded.turn, after = excluded.after`,
  moveScheduleOn: `update duckdive_schedule set ticks = :ticks, next_at = :next where name = :name`,
  needsOfRun: `select run.on_parent_failure, (
  select json_group_array(pair.needs) from duckdive_dependency as pair where pair.run = run.seq and pair.done = 0
)
from duckdive_run as run where run.id = :id and run.durable & 32 <> 0`,
  newestSeq: `select coalesce(max(seq), 0) from duckdive_run`,
  nextClaim: `update duckdive_meta set claims = claims + 1 where id = 1 returning claims`,
  nextFinishBy: `select min(finish_by) from duckdive_run where finish_by is not null and state in ('scheduled', 'ready', 'waiting')`,
  nextInLine: `select seq, gates, run_at from duckdive_run where parked_on = :gate order by priority desc, run_at, seq limit 1`,
  nextOpening: `select min(opens_at) from duckdive_rate where opens_at is not null`,
  nextRelease: `select min(until) from duckdive_held`,
  nextScheduled: `select min(run_at) from duckdive_run where state = 'scheduled'`,
  nextStartBy: `select min(start_by) from duckdive_run
where start_by is not null and started_at is null and state in ('scheduled', 'ready', 'waiting')`,
  nextTick: `select next_at from duckdive_schedule
where next_at is not null and paused_at is null and retired_at is null
  and case origin when 'code' then name in (select value from json_each(:names)) else job in (select value from json_each(:jobs)) end
order by next_at limit 1`,
  nextWake: `select min(wake_at) from duckdive_run
where state = 'waiting' and wait_reason = 'entries' and wake_at is not null`,
  nonce: `select nonce from duckdive_meta where id = 1`,
  oldSignal: `select 1 from duckdive_signal where received_at < :before limit 1`,
  oldTallies: `select minute from duckdive_tally_hour where minute < :before
union all select minute from duckdive_wait_hour where minute < :before limit 1`,
  oldestFair: `select queue, min(run_at) from duckdive_run where state = 'ready' and fair is not null group by queue`,
  oldestSeq: `select coalesce(min(seq), 0) from duckdive_run`,
  oldestTally: `select min(minute) from (
  select min(minute) as minute from duckdive_tally union all select min(minute) from duckdive_wait
)`,
  openVersions: `select job, version, count(*) from (
  select job, version from (select job, version from duckdive_run where state = 'ready' and fair is null limit :limit)
  union all
  select job, version from (select job, version from duckdive_run where state = 'ready' and fair is not null limit :limit)
  union all
  select job, version from (select job, version from duckdive_run where state = 'scheduled' limit :limit)
  union all
  select job, version from (select job, version from duckdive_run where state = 'running' limit :limit)
  union all
  select job, version from (select job, version from duckdive_run where state = 'waiting' limit :limit)
)
group by job, version order by job, version`,
  openedRates: `select gate from duckdive_rate where opens_at is not null and opens_at <= :now order by opens_at limit :limit`,
  othersOfFirst: `select value,
  (select count(*) from duckdive_place as place where place.gate = value),
  exists (select 1 from duckdive_place as place where place.gate = value and place.run = own.seq),
  exists (
    select 1 from duckdive_run as before
    where before.parked_on = value and (
      before.priority > own.priority
      or (before.priority = own.priority and (before.run_at < own.run_at or (before.run_at = own.run_at and before.seq < own.seq)))
    )
  )
from duckdive_run as own, json_each(:gates)
where own.seq = :seq`,
  parentEntry: `select run.seq, entry.kind
from duckdive_run as run
join duckdive_entry as entry on entry.run = run.seq and entry.name = :entry
where run.id = :parent and entry.state = 'pending'`,
  parkRuns: `update duckdive_run
set state = 'waiting', wait_reason = 'admission', wait_on = line.gate, parked_on = line.gate
from (select value ->> 0 as seq, value ->> 1 as gate from json_each(:lines)) as line
where duckdive_run.seq = line.seq`,
  pauseSchedule: `update duckdive_schedule set paused_at = :now where name = :name and paused_at is null`,
  pause: `insert into duckdive_pause (kind, name, paused_at) values (:kind, :name, :now) on conflict do nothing`,
  pauses: `select kind, name from duckdive_pause order by kind, name`,
  payRates: `insert into duckdive_rate (gate, arrival, held_until, over_at)
select value ->> 0, value ->> 1, 0, value ->> 2 from json_each(:rates) where true
on conflict (gate) do update set arrival = excluded.arrival, over_at = max(excluded.over_at, held_until)`,
  peers: `select id, host, pid, process_start, beats, runner from duckdive_worker`,
  placesAtHand: `select place.gate, place.run, place.kept
from json_each(:places) as asked cross join duckdive_place as place
  on place.gate = asked.value ->> 0 and place.run = asked.value ->> 1`,
  planRate: `insert into duckdive_rate (gate, arrival, held_until, opens_at, over_at) values (:gate, 0, 0, :opensAt, 0)
on conflict (gate) do update set opens_at = excluded.opens_at`,
  prepareRun: `update duckdive_run
set job = :job, version = :version, queue = coalesce((select queue from duckdive_reroute where job = :job), :queue), priority = :priority, state = :state,
  wait_reason = :waitReason, wait_on = null, input = :input, body = :body, gates = :gates, fair = :fair,
  start_within = :startWithin, finish_within = :finishWithin,
  start_by = requested_at + :startWithin, finish_by = requested_at + :finishWithin,
  tags = coalesce(:tags, tags), meta = coalesce(:meta, meta), release = coalesce(:release, release)
where seq = :seq`,
  promoteDue: `update duckdive_run set state = 'ready'
where seq in (select seq from duckdive_run where state = 'scheduled' and run_at <= :now order by run_at, seq limit :limit)`,
  prunable: `select seq from duckdive_run where expires_at is not null and expires_at <= :now order by expires_at, seq limit :limit`,
  publishDefinition: `insert into duckdive_definition (job, version, queue, priority, attempts, crashes, prepared, description, events, redact, published_at)
values (:job, :version, :queue, :priority, :attempts, :crashes, :prepared, :description, :events, :redact, :now)
on conflict (job) do update set
  version = excluded.version, queue = excluded.queue, priority = excluded.priority, attempts = excluded.attempts,
  crashes = excluded.crashes, prepared = excluded.prepared, description = excluded.description,
  events = excluded.events, redact = excluded.redact,
  published_at = excluded.published_at
where excluded.version >= duckdive_definition.version`,
  queueCounts: `select queue, 'ready' as state, count(*) as number from duckdive_run where state = 'ready' and fair is null group by queue
union all select queue, 'ready', count(*) from duckdive_run where state = 'ready' and fair is not null group by queue
union all select queue, 'scheduled', count(*) from duckdive_run where state = 'scheduled' group by queue
union all select queue, 'running', count(*) from duckdive_run where state = 'running' group by queue
union all select queue, 'waiting', count(*) from duckdive_run where state = 'waiting' group by queue`,
  raiseClaims: `update duckdive_meta set claims = max(claims, :token) where id = 1`,
  ratesAtHand: `select gate, arrival, held_until from duckdive_rate where gate in (select value from json_each(:gates))`,
  ratesOfRun: `select queue, gates from duckdive_run where id = :id`,
  registerWorker: `insert into duckdive_worker (id, host, pid, process_start, release, runner, queues, started_at, heartbeat_at)
values (:id, :host, :pid, :processStart, :release, :runner, :queues, :now, :now)
on conflict (id) do update set
  host = excluded.host, pid = excluded.pid, process_start = excluded.process_start, release = excluded.release,
  runner = excluded.runner, queues = excluded.queues, started_at = excluded.started_at,
  heartbeat_at = excluded.heartbeat_at, beats = beats + 1`,
  releaseBatch: `delete from duckdive_batch
where id = :id
  and not exists (select 1 from duckdive_run where batch = :id)
  and not exists (select 1 from duckdive_batch as own where own.batch = :id)`,
  releaseQueues: `delete from duckdive_held where until <= :now`,
  reopenEntries: `delete from duckdive_entry
where run = :run and (
  (state = 'failed' and kind in ('step', 'poll', 'child', 'children'))
  or (kind = 'children' and state = 'done' and exists (
    select 1 from duckdive_run as child
    where child.parent = :id and child.parent_entry = duckdive_entry.name and child.state in ('failed', 'cancelled')
  ))
)`,
  replaceInput: `update duckdive_run
set input = :input, version = :version, body = (body & ~1) | :body, gates = :gates, fair = :fair
where seq = :seq`,
  reroute: `insert into duckdive_reroute (job, queue) values (:job, :queue)
on conflict (job) do update set queue = excluded.queue`,
  reroutes: `select job, queue from duckdive_reroute order by job`,
  restRun: `update duckdive_run
set state = :state, run_at = :runAt, attempt = attempt - :giveBack, worker = null, route = :route,
  wait_reason = :waitReason, wait_on = :waitOn, wake_at = :wakeAt, parked_on = null, error = iif(:hasError, :error, error), body = :body,
  crashes = crashes + :crashes,
  started_at = iif(:isParked and not exists (
    select 1 from duckdive_event where run = :seq and kind in ('failed', 'lost', 'snoozed', 'handedBack', 'suspended')
  ), null, started_at)
where seq = :seq
returning gates, started_at`,
  restartInput: `update duckdive_run set input = :input, version = :version, body = :body, attempt = 1, crashes = 0, durable = durable | 1 where seq = :seq`,
  resumeSchedule: `update duckdive_schedule set paused_at = null, next_at = :next where name = :name and paused_at is not null`,
  resume: `delete from duckdive_pause where kind = :kind and name = :name`,
  retireSchedules: `update duckdive_schedule set retired_at = :now
where origin = 'code' and retired_at is null
  and exists (
    select 1 from duckdive_scheduler as other where other.schedule = '' and (
      other.digest = 'all' or exists (
        select 1 from duckdive_ability as had where had.job = duckdive_schedule.job and had.worker = other.worker
      )
    )
  )
  and not exists (select 1 from duckdive_scheduler as had where had.schedule = duckdive_schedule.name)`,
  retryRun: `update duckdive_run
set state = iif(:waits, 'waiting', 'ready'), wait_reason = iif(:waits, 'dependency', null), wait_on = null, run_at = :now, attempt = 0, crashes = 0, started_at = null, finished_at = null, expires_at = null,
  reason = null, error = null, output = null, body = body & 1,
  start_by = :now + start_within, finish_by = :now + finish_within
where seq = :seq`,
  rollUpTallies: `insert into duckdive_tally_hour (minute, queue, job, succeeded, failed, cancelled, retried, waited, ran)
select :hour, queue, job, sum(succeeded), sum(failed), sum(cancelled), sum(retried), sum(waited), sum(ran)
from duckdive_tally where minute < :before group by queue, job
on conflict (minute, queue, job) do update set
  succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed,
  cancelled = cancelled + excluded.cancelled, retried = retried + excluded.retried,
  waited = waited + excluded.waited, ran = ran + excluded.ran`,
  rollUpWaits: `insert into duckdive_wait_hour (minute, queue, step, number)
select :hour, queue, step, sum(number) from duckdive_wait where minute < :before group by queue, step
on conflict (minute, queue, step) do update set number = number + excluded.number`,
  runAtHand: `select seq, state, cancel_asked, body from duckdive_run where id = :id`,
  running: `select seq, job, run_at, route, cancel_asked, body from duckdive_run
where id = :id and token = :token and state = 'running'`,
  runsOfWorker: `select seq, id, job, attempt, run_at, route, cancel_asked, body from duckdive_run
where state = 'running' and worker = :worker`,
  scheduleAtHand: `select origin, job, times, digest, former, next_at, ticks, paused_at, retired_at from duckdive_schedule where name = :name`,
  scheduleRuns: `select 1 from duckdive_tick as tick join duckdive_run as run on run.id = tick.run
where tick.schedule = :name and run.state in ('scheduled', 'ready', 'running', 'waiting') limit 1`,
  schedulersOfDigest: `select count(*) from duckdive_scheduler where schedule = :name and digest = :digest`,
  schedulesChanged: `update duckdive_meta set schedules = schedules + 1 where id = 1`,
  schedulesRevision: `select schedules from duckdive_meta where id = 1`,
  schedules: `select
  schedule.name, schedule.origin, schedule.job, schedule.times, schedule.policy, schedule.input, schedule.release,
  schedule.next_at, schedule.paused_at, schedule.retired_at, schedule.created_at,
  case schedule.origin
    when 'code' then (select count(*) from duckdive_scheduler as had where had.schedule = schedule.name)
    else (select count(*) from duckdive_ability as had where had.job = schedule.job)
  end,
  tick.at, tick.until, tick.count, tick.outcome, tick.run, tick.note, tick.recorded_at
from duckdive_schedule as schedule
left join duckdive_tick as tick on tick.schedule = schedule.name and tick.number = schedule.ticks
where :names is null or schedule.name in (select value from json_each(:names))
order by schedule.name`,
  seqOfId: `select seq from duckdive_run where id = :id`,
  seqsOfIds: `select seq, id from duckdive_run where id in (select value from json_each(:ids))`,
  setSlots: `insert into duckdive_slots (queue, slots) values (:queue, :slots)
on conflict (queue) do update set slots = excluded.slots`,
  settleEach: `update duckdive_run
set state = 'succeeded', finished_at = :now, expires_at = max(:expiresAt, coalesce(unique_until, 0)), worker = null, cancel_asked = null,
  error = null, body = body & 3
where seq in (select value from json_each(:seqs)) and token = :token and state = 'running' and durable & 31 = 0
returning seq`,
  settleOutput: `update duckdive_run
set state = 'succeeded', finished_at = :now, expires_at = max(:expiresAt, coalesce(unique_until, 0)), worker = null, cancel_asked = null,
  error = null, output = :output, body = body & 1
where seq = :seq and token = :token and state = 'running' and durable & 31 = 0`,
  settlePlain: `update duckdive_run
set state = 'succeeded', finished_at = :now, expires_at = max(:expiresAt, coalesce(unique_until, 0)), worker = null, cancel_asked = null,
  error = null, body = body & 3
where seq in (select value from json_each(:seqs)) and token = :token and state = 'running' and durable & 31 = 0`,
  settledAfter: `select name, kind, hash, state, position, value, error, due_at, attempts, written_at from duckdive_entry
where run = :run and position is not null and position > :after
order by position`,
  sharePage: `select seq, run_at from duckdive_run
where state = 'ready' and fair is not null and queue = :queue and priority = :priority and route = :route
  and fair = :fair and run_at >= :runAt and (run_at > :runAt or seq > :seq)
order by run_at, seq
limit :limit`,
  shares: `with recursive share (seq, number) as (
  select (
    select seq from duckdive_run
    where state = 'ready' and fair is not null and queue = :queue and priority = :priority and route = :route
      and fair > :after
    order by fair, run_at, seq limit 1
  ), 1
  union all
  select (
    select run.seq from duckdive_run as run
    where run.state = 'ready' and run.fair is not null
      and run.queue = :queue and run.priority = :priority and run.route = :route and run.fair > here.fair
    order by run.fair, run.run_at, run.seq limit 1
  ), number + 1
  from share join duckdive_run as here on here.seq = share.seq
  where number < :limit
)
select run.fair, run.run_at, run.seq from share join duckdive_run as run on run.seq = share.seq`,
  signalsOfRun: `select id, name, payload from duckdive_signal where run = :run and taken = 0 order by seq`,
  slots: `select queue, slots from duckdive_slots order by queue`,
  someLine: `select 1 from duckdive_run where parked_on is not null limit 1`,
  someLiveChild: `select 1 from duckdive_run
where parent = :parent and parent_entry = :entry and state in ('scheduled', 'ready', 'running', 'waiting') limit 1`,
  someNeed: `select 1 from duckdive_dependency where run = :run and done = 0 limit 1`,
  staleSchedules: `select 1 from duckdive_scheduler as own
left join duckdive_schedule as schedule on schedule.name = own.schedule
where own.worker = :worker and own.schedule <> ''
  and (schedule.name is null or schedule.origin <> 'code' or schedule.retired_at is not null or (
    schedule.digest <> own.digest and not exists (
      select 1 from duckdive_scheduler as other
      where other.schedule = schedule.name and other.digest = schedule.digest
    )
  ))
limit 1`,
  standing: `select seq, token, state, batch from duckdive_run where id = :id`,
  standsAt: `select seq, gates, parked_on, priority, run_at from duckdive_run where id = :id`,
  storedRuns: `select run.seq, run.id, run.job, run.version, run.queue, run.priority, run.state, run.reason, run.wait_reason, run.wait_on,
  run.cancel_asked, run.route, run.token, run.attempt, run.crashes, run.worker, run.requested_at, run.run_at, run.started_at,
  run.finished_at, run.start_by, run.finish_by, run.expires_at,
  case when run.body & 1 then body.input else run.input end as input,
  case when run.body & 2 then body.output else run.output end as output,
  case when run.body & 4 then body.error else run.error end as error,
  run.tags, run.meta, run.release, run.parent, run.batch, progress.done, progress.total, progress.note,
  iif(run.durable & 32, (
    select json_group_array(needs) from (
      select needs from duckdive_dependency as pair where pair.run = run.seq and pair.done = 0 limit 100
    )
  ), null) as after, run.ran
from duckdive_run as run
left join duckdive_body as body on body.run = run.seq and run.body <> 0
left join duckdive_progress as progress on progress.run = run.seq
where run.seq in (select value from json_each(:seqs))`,
  takePlaces: `insert into duckdive_place (gate, run, kept)
select value ->> 0, value ->> 1, value ->> 2 from json_each(:places) where true
on conflict (gate, run) do update set kept = excluded.kept`,
  takeSignalById: `update duckdive_signal set taken = 1 where id = :id`,
  takeSignal: `update duckdive_signal set taken = 1 where seq = :seq`,
  tallies: `select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran from duckdive_tally_hour
where minute >= :since
union all
select minute, queue, job, succeeded, failed, cancelled, retried, waited, ran from duckdive_tally
where minute >= :since order by minute, queue, job`,
  tally: `insert into duckdive_tally (minute, queue, job, succeeded, failed, cancelled, retried, waited, ran)
values (:minute, :queue, :job, :succeeded, :failed, :cancelled, :retried, :waited, :ran)
on conflict (minute, queue, job) do update set
  succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed,
  cancelled = cancelled + excluded.cancelled, retried = retried + excluded.retried,
  waited = waited + excluded.waited, ran = ran + excluded.ran`,
  tell: `insert into duckdive_message (worker, id, name, payload, at)
select id, :message, :name, :payload, :now from duckdive_worker where :worker is null or id = :worker
on conflict (worker, id) do nothing`,
  ticks: `select at, until, count, outcome, run, note, recorded_at from duckdive_tick
where schedule = :name order by number desc limit :limit`,
  timeline: `select at, kind, attempt, token, worker, detail from duckdive_event
where run = (select seq from duckdive_run where id = :id) order by number`,
  turns: `select fair, turn from duckdive_turn where queue = :queue and fair in (select value from json_each(:shares))`,
  unparkRuns: `update duckdive_run
set state = iif(run_at > :now, 'scheduled', 'ready'), route = case wait_reason when 'worker' then wait_on else route end,
  wait_reason = null, wait_on = null
where state = 'waiting' and wait_reason = :reason and wait_on = :on`,
  unprepared: `select seq, run_at, requested_at, body, durable from duckdive_run
where id = :id and state = 'waiting' and wait_reason = 'preparation'`,
  waitingEntry: `select name from duckdive_entry
where run = :run and hash = :signal and state = 'pending' and kind = 'signal' order by number limit 1`,
  waitingSignal: `select seq, payload from duckdive_signal where run = :run and name = :name and taken = 0 order by seq limit 1`,
  waitsForWorker: `with recursive wait (name) as (
  select (select min(wait_on) from duckdive_run where state = 'waiting' and wait_reason = 'worker')
  union all
  select (
    select min(run.wait_on) from duckdive_run as run
    where run.state = 'waiting' and run.wait_reason = 'worker' and run.wait_on > wait.name
  )
  from wait where wait.name is not null
)
select name from wait where name is not null`,
  waitsOn: `select wait_on from duckdive_run where seq = :seq and state = 'waiting' and wait_reason = 'entries'`,
  waits: `select minute, queue, step, number from duckdive_wait_hour where minute >= :since
union all
select minute, queue, step, number from duckdive_wait where minute >= :since order by minute, queue, step`,
  wakeDue: `update duckdive_run
set state = 'ready', run_at = wake_at, wait_reason = null, wait_on = null, wake_at = null
where seq in (
  select seq from duckdive_run
  where state = 'waiting' and wait_reason = 'entries' and wake_at is not null and wake_at <= :now
  order by wake_at, seq limit :limit
)`,
  wakeRun: `update duckdive_run
set state = 'ready', run_at = :now, wait_reason = null, wait_on = null, wake_at = null
where seq = :seq and state = 'waiting' and wait_reason = 'entries'`,
  workerExists: `select 1 from duckdive_worker where id = :worker`,
  workers: `select id, host, pid, release, queues, started_at, heartbeat_at,
  (select count(*) from duckdive_run as run where run.state = 'running' and run.worker = duckdive_worker.id) as running,
  runner, report
from duckdive_worker order by started_at, id`,
  writeBodyError: `insert into duckdive_body (run, error) values (:run, :error)
on conflict (run) do update set error = excluded.error`,
  writeBodyInput: `insert into duckdive_body (run, input) values (:run, :input)
on conflict (run) do update set input = excluded.input`,
  writeBodyOutput: `insert into duckdive_body (run, output) values (:run, :output)
on conflict (run) do update set output = excluded.output`,
  writeLock: `update duckdive_meta set claims = claims where id = 1`,
  writeProgress: `insert into duckdive_progress (run, at, done, total, note)
select run.seq, :now, :done, :total, :note
from duckdive_run as run where run.id = :id and run.token = :token and run.state = 'running'
on conflict (run) do update set at = excluded.at, done = excluded.done, total = excluded.total, note = excluded.note`,
} as const;

export const migrations = [
  {
    number: 1,
    name: "first",
    sql: `-- Everything the store contract names, from the first day on: later versions fill columns and tables that stand here.
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
`,
  },
  {
    number: 2,
    name: "workers",
    sql: `-- What workers say of themselves, what they are told, and what became of those that are gone.

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
`,
  },
  {
    number: 3,
    name: "schedules",
    sql: `-- Schedules: what ticks when, which workers have it in their code, and what became of its last ticks.

-- The first migration had a table of that name, which no version has ever written to.
drop table duckdive_schedule;

create table duckdive_schedule (
  name text primary key,
  origin text not null check (origin in ('code', 'runtime')),
  job text not null,
  times text not null,             -- when it ticks, as text that the store does not read
  policy text not null,            -- what else is said of it, likewise
  input text,                      -- json; null: none, or code computes it
  digest text not null,            -- of job, times and policy
  former text not null,            -- json: digests it had before
  release text,
  next_at integer,                 -- null: it does not tick any more
  ticks integer not null default 0, -- how many were recorded
  paused_at integer,
  retired_at integer,
  created_at integer not null
) strict, without rowid;

create index duckdive_schedule_due on duckdive_schedule (next_at)
  where next_at is not null and paused_at is null and retired_at is null;

-- Which live worker names which schedule in its code, and defined how. Of every worker that published there is a row with
-- no name, so that one whose code names none is known as well; its digest says 'all' when these are all there are.
create table duckdive_scheduler (
  schedule text not null,
  worker text not null,
  digest text not null,
  primary key (schedule, worker)
) strict, without rowid;

create index duckdive_scheduler_worker on duckdive_scheduler (worker);

create table duckdive_tick (
  schedule text not null,
  number integer not null,         -- counts inside the schedule
  at integer not null,
  until integer,                   -- of several that were missed the last …
  count integer not null,          -- … and how many they are
  outcome text not null check (outcome in ('enqueued', 'skipped', 'missed', 'failed', 'triggered')),
  run text,
  note text,
  recorded_at integer not null,
  primary key (schedule, number)
) strict, without rowid;

-- Counts up when schedules change: other processes see by it that it was about schedules.
alter table duckdive_meta add column schedules integer not null default 0;
`,
  },
  {
    number: 4,
    name: "gates",
    sql: `-- Gates (locks, limits, rates), queues that are held back, and fair shares.

-- The first migration had a table of gates, with counts that could drift; no version has ever written to it.
drop table duckdive_gate;

-- Who has a place at which lock or limit: runs that run, and those that were handed a place and wait for their claim. Of
-- a rate only the latter: runs that were let in and have not paid.
create table duckdive_place (
  gate text not null,              -- kind and key: 'lock server:532'
  run integer not null,
  kept integer not null,           -- 1: a lock that is held to the end of its run
  primary key (gate, run)
) strict, without rowid;

-- The lines before the gates.
drop index duckdive_run_parked;
create index duckdive_run_parked on duckdive_run (parked_on, priority desc, run_at, seq) where parked_on is not null;

-- Rates that are in use. From over_at on a row is as good as none.
create table duckdive_rate (
  gate text primary key,
  arrival real not null,           -- the theoretical arrival time of the next start, in milliseconds
  held_until integer not null,     -- nobody starts before
  opens_at integer,                -- when the next in line may be let in; null: nobody is in line, or claims come first
  over_at integer not null
) strict, without rowid;

create index duckdive_rate_opens on duckdive_rate (opens_at) where opens_at is not null;
create index duckdive_rate_over on duckdive_rate (over_at);

-- Queues that are passed over by claims for a time, since a handler said that it is rate limited.
create table duckdive_held (
  queue text primary key,
  until integer not null
) strict, without rowid;

-- Runs with a fair share stand in lines of their own, one for each share; every ready run is in one of the two indexes.
drop index duckdive_run_ready;
create index duckdive_run_ready on duckdive_run (queue, priority, route, run_at, seq, fair)
  where state = 'ready' and fair is null;
create index duckdive_run_fair on duckdive_run (queue, priority, route, fair, run_at, seq)
  where state = 'ready' and fair is not null;

-- How much each share of a queue has had, in virtual time: who is not here, or behind the queue's own time, stands at that.
create table duckdive_turn (
  queue text not null,
  fair text not null,              -- '': runs without a share
  turn integer not null,
  primary key (queue, fair)
) strict, without rowid;

create index duckdive_turn_turn on duckdive_turn (queue, turn);

create table duckdive_fair (
  queue text primary key,
  turn integer not null,           -- its virtual time: the turn of whoever was served last
  after text not null              -- with very many shares a claim looks at some of them: those after this one
) strict, without rowid;
`,
  },
  {
    number: 5,
    name: "hand",
    sql: `-- Unique keys, what people set by hand, and what workers have counted.

-- Who holds a key is read from the runs themselves: one whose state is among those that hold it, or one whose time is not
-- over. So there is nothing to take back when a run moves on, and nothing that a crash could leave behind. A key that no
-- run has any more is in no index. The states stand as words in one text, none of which is part of another.
alter table duckdive_run add column unique_while text;

drop index duckdive_run_unique;
create index duckdive_run_unique on duckdive_run (unique_key, seq)
  where unique_key is not null and instr(unique_while, state) > 0;
create index duckdive_run_unique_until on duckdive_run (unique_key, unique_until) where unique_until is not null;

-- Jobs that go to another queue than their definition says.
create table duckdive_reroute (
  job text primary key,
  queue text not null
) strict, without rowid;

-- Slots of a queue in each worker that draws from it, in place of its own.
create table duckdive_slots (
  queue text primary key,
  slots integer not null
) strict, without rowid;

-- What workers have seen, by the minute.
create table duckdive_tally (
  minute integer not null,
  queue text not null,
  job text not null,
  succeeded integer not null,
  failed integer not null,
  cancelled integer not null,
  retried integer not null,
  waited real not null,            -- sums, in milliseconds
  ran real not null,
  primary key (minute, queue, job)
) strict, without rowid;

alter table duckdive_definition add column events text; -- json: what it is enqueued for
`,
  },
  {
    number: 6,
    name: "durable",
    sql: `-- Durable work: what handlers recorded, the runs they started, what they wait for, and signals.

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
`,
  },
  {
    number: 7,
    name: "flow",
    sql: `-- Dependencies and batches.

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
`,
  },
  {
    number: 8,
    name: "metrics",
    sql: `-- Metrics over time: counts of minutes are rolled up to hours, and how long runs waited is counted by the step of a scale.

-- The counts of hours, from three hours ago back to thirty days ago; the minutes stand in duckdive_tally.
create table duckdive_tally_hour (
  minute integer not null,         -- the beginning of the hour
  queue text not null,
  job text not null,
  succeeded integer not null,
  failed integer not null,
  cancelled integer not null,
  retried integer not null,
  waited real not null,
  ran real not null,
  primary key (minute, queue, job)
) strict, without rowid;

-- How many executions began after a wait of that step, by the minute.
create table duckdive_wait (
  minute integer not null,
  queue text not null,
  step integer not null,           -- up to 2^(step / 2) milliseconds
  number integer not null,
  primary key (minute, queue, step)
) strict, without rowid;

-- The same by the hour.
create table duckdive_wait_hour (
  minute integer not null,
  queue text not null,
  step integer not null,
  number integer not null,
  primary key (minute, queue, step)
) strict, without rowid;
`,
  },
  {
    number: 9,
    name: "aging",
    sql: `-- What people are not shown of a job, as workers publish it; and which release of an application executed a run last.

alter table duckdive_definition add column redact text check (json_type(redact) = 'array');

alter table duckdive_run add column ran text;
`,
  },
] as const;
