-- A page of the runs that wait and fit a filter. Index: runs_waiting.
select id, moment from duckdive.list_waiting(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)
