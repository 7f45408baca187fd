-- The children of some runs that fit a filter, newest first. Index: duckdive_run_parent.
select seq from duckdive_run
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
order by seq desc limit :limit
