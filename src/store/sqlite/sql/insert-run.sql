-- Records a run, unless its id was recorded before. Index: the unique one of id.
insert into duckdive_run (
  id, job, version, queue, priority, state, wait_reason, requested_at, run_at, start_within, finish_within,
  start_by, finish_by,   input, body, tags, meta, release
)
values (
  :id, :job, :version, :queue, :priority, :state, :waitReason, :requestedAt, :runAt, :startWithin, :finishWithin,
  :requestedAt + :startWithin, :requestedAt + :finishWithin,   :input, :body, :tags, :meta, :release
)
on conflict (id) do nothing
