-- Gives runs that are not running another queue, priority or start; answers for each whether it did.
select duckdive.change(:ids::uuid[], :change::json, :now::bigint)
