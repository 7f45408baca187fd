-- A page of the runs that fit a filter, the newest request first; where each stands in that order comes with it.
-- Indexes: the primary keys of runs and history, runs_other, history_other.
select id, moment from duckdive.list_runs(
  :ids::uuid[], :jobs::text[], :states::text[], :queues::text[], :reasons::text[], :waiting::text[],
  :since::bigint, :until::bigint, :tags::text[], :meta::jsonb, :errors::text[], :text::text, :moment::bigint,
  :before::uuid, :ceiling::uuid, :limit::integer
)
