-- A page of the runs that run and fit a filter. Index: the primary key of runs.
select id, moment from duckdive.list_running(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)
