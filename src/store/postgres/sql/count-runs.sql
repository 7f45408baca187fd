-- How many runs fit a filter.
select count(*) from duckdive.stored as one
where (:ids::uuid[] is null or one.id = any(:ids::uuid[]))
    and (:jobs::text[] is null or one.job = any(:jobs::text[]))
    and (:states::text[] is null or one.state = any(:states::text[]))
    and (:queues::text[] is null or one.queue = any(:queues::text[]))
    and (:reasons::text[] is null or one.reason = any(:reasons::text[]))
    and (:waiting::text[] is null or one.wait_reason = any(:waiting::text[]))
    and (:since::bigint is null or one.requested_at >= :since::bigint)
    and (:until::bigint is null or one.requested_at < :until::bigint)
    and (:tags::text[] is null or exists (
      select from json_array_elements_text(one.tags) as tag where tag = any(:tags::text[])
    ))
    and (:meta::jsonb is null or one.meta::jsonb @> :meta::jsonb)
