-- Gives a run that was recorded without its definition what the definition says, in the queue where its job was rerouted to, if
-- it was. Index: the primary keys.
update duckdive_run
set job = :job, version = :version, queue = coalesce((select queue from duckdive_reroute where job = :job), :queue), priority = :priority, state = :state,
  wait_reason = :waitReason, wait_on = null, input = :input, body = :body, gates = :gates, fair = :fair,
  start_within = :startWithin, finish_within = :finishWithin,
  start_by = requested_at + :startWithin, finish_by = requested_at + :finishWithin,
  tags = coalesce(:tags, tags), meta = coalesce(:meta, meta), release = coalesce(:release, release)
where seq = :seq
