-- Makes a schedule at run time, or changes one.
select duckdive.put_schedule(:item::json, :how, :release, :now::bigint)
