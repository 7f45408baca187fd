-- A page of the runs that fit a filter, the newest request first; where each stands in that order comes with it.
--
-- Ids made by duckdive (UUIDv7) begin with the time of the request, so the primary keys have the order already; runs with
-- ids of other kinds are few and have an index of their own. Each of the four parts stops at the limit.
-- Indexes: the primary keys of runs and history, runs_other, history_other.
with held as materialized (
  select id from duckdive.held
)
select page.id, page.moment from (
  (select live.id, duckdive.time_in(live.id) as moment from duckdive.runs as live left join held on held.id = live.id
  where get_byte(uuid_send(live.id), 6) >> 4 = 7
    and live.id < :ceiling::uuid and (duckdive.time_in(live.id), live.id) < (:moment::bigint, :before::uuid)
    and (:ids::uuid[] is null or live.id = any(:ids::uuid[]))
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
    and (:text::text is null or position(:text::text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.id desc limit :limit::integer)
  union all
  (select live.id, live.requested_at from duckdive.runs as live left join held on held.id = live.id
  where get_byte(uuid_send(live.id), 6) >> 4 <> 7
    and (live.requested_at, live.id) < (:moment::bigint, :before::uuid)
    and (:ids::uuid[] is null or live.id = any(:ids::uuid[]))
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
    and (:text::text is null or position(:text::text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.requested_at desc, live.id desc limit :limit::integer)
  union all
  (select past.id, duckdive.time_in(past.id) as moment from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 = 7
    and past.id < :ceiling::uuid and (duckdive.time_in(past.id), past.id) < (:moment::bigint, :before::uuid)
    and (:ids::uuid[] is null or past.id = any(:ids::uuid[]))
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
    and (:text::text is null or position(:text::text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.id desc limit :limit::integer)
  union all
  (select past.id, past.requested_at from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 <> 7
    and (past.requested_at, past.id) < (:moment::bigint, :before::uuid)
    and (:ids::uuid[] is null or past.id = any(:ids::uuid[]))
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
    and (:text::text is null or position(:text::text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.requested_at desc, past.id desc limit :limit::integer)
) as page
order by page.moment desc, page.id desc limit :limit::integer
