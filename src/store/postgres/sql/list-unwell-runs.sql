-- A page of the runs that fit a filter which only failed and cancelled ones fit. Indexes: history_unwell, history_other.
select id, moment from duckdive.list_unwell(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)
