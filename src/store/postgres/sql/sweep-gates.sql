-- Hands over what nobody did, at some gates; answers where to go on, to how many, and where there is more to do.
select next, handed, rest from duckdive.sweep_gates(:before::bigint, :limit::integer, :now::bigint)
