-- A page of the children of some runs that fit a filter, the newest request first; where each stands in that order comes
-- with it. Indexes: runs_child, the primary keys of child and history.
with held as materialized (
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
order by page.moment desc, page.id desc limit :limit::integer
