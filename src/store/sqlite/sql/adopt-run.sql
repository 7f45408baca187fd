-- Records a run as it stood in another store, unless its id is here. Index: the unique one of id.
insert into duckdive_run (
  id, job, version, queue, priority, route, state, run_at, attempt, token, started_at, finished_at, expires_at, body, crashes,
  reason, wait_reason, wait_on, requested_at, start_within, finish_within, start_by, finish_by, input, output, error, tags,
  meta, release, gates, fair, durable, wake_at, batch, on_parent_failure, ran
)
values (
  :id, :job, :version, :queue, :priority, :route, :state, :runAt, :attempt, :token, :startedAt, :finishedAt, :expiresAt,
  :body, :crashes, :reason, :waitReason, :waitOn, :requestedAt, :startWithin, :finishWithin, :startBy, :finishBy,
  :input, :output, :error, :tags, :meta, :release, :gates, :fair, :durable, :wakeAt, :batch, :onParentFailure, :ran
)
on conflict (id) do nothing
