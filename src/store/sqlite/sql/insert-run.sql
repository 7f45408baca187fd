-- Records a run, unless its id was recorded before, in the queue where its job was rerouted to, if it was.
-- Index: the unique one of id, and the primary key of the reroutes.
insert into duckdive_run (
  id, job, version, queue, priority, state, wait_reason, requested_at, run_at, start_within, finish_within,
  start_by, finish_by, gates, fair, input, body, tags, meta, release, parent, parent_entry, on_parent_end, batch, on_parent_failure, durable
)
values (
  :id, :job, :version, coalesce((select queue from duckdive_reroute where job = :job), :queue), :priority, :state, :waitReason, :requestedAt, :runAt, :startWithin, :finishWithin,
  :requestedAt + :startWithin, :requestedAt + :finishWithin, :gates, :fair, :input, :body, :tags, :meta, :release,
  :parent, :parentEntry, :onParentEnd, :batch, :onParentFailure, :durable
)
on conflict (id) do nothing
