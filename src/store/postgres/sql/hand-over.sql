-- Gives free places at gates to the next in line; answers to how many, and at which gates there is more to do.
select handed, rest from duckdive.hand_over(:keys::bigint[], :now::bigint)
