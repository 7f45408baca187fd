-- Hands over what nobody did, at some gates; answers where to go on, and to how many.
select next, handed from duckdive.sweep_gates(:before::bigint, :limit::integer, :now::bigint)
