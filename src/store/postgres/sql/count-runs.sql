-- How many runs fit a filter, live and ended.
with held as materialized (
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
    and (:text::text is null or position(:text::text in duckdive.input_of(past.id, past.body, past.input)) > 0))
