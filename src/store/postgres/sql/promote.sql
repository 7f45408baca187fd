-- Makes ready what is due, and fails what has expired; answers also who ended, of which jobs, the gates at which places are
-- to be handed over, and whether a queue that was held back is open again.
select moved, ended, array_to_json(jobs), keys, opened from duckdive.promote(:limit::integer, :now::bigint)
