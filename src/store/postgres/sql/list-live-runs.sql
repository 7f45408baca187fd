-- A page of the runs that fit a filter which no ended run fits. Indexes: the primary key of runs, runs_other.
select id, moment from duckdive.list_live(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)
