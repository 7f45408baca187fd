-- Fair shares: of runs that name on whose account they run, those whose turn it is come first. They stand in lanes of
-- their own. docs/decisions/0009-policies.md has the rules.

-- What a claim reads of one share. Nothing else stands in it.
create index runs_fair on duckdive.runs (lane, fair, xid, seq) where lane is not null and fair is not null;
