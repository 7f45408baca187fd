-- Gives a run that was recorded without its definition what the definition says. Index: the primary key.
update duckdive_run
set job = :job, version = :version, queue = :queue, priority = :priority, state = :state,
  wait_reason = null, wait_on = null, input = :input, body = :body, 
  start_within = :startWithin, finish_within = :finishWithin,
  start_by = requested_at + :startWithin, finish_by = requested_at + :finishWithin,
  tags = coalesce(:tags, tags), meta = coalesce(:meta, meta), release = coalesce(:release, release)
where seq = :seq
