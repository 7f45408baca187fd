-- Gives free places at gates to the next in line; answers to how many.
select duckdive.hand_over(:keys::bigint[], :now::bigint)
