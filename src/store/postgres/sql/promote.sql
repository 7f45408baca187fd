-- Makes ready what is due, and fails what has expired.
select moved, ended from duckdive.promote(:limit::integer, :now::bigint)
