-- Does what was left behind about these subjects, or with null about any: tells parents of their children's end, ends children
-- of parents, delivers signals. Answers also whether there is something else to be done about them. Indexes: errand_subject,
-- the primary key, and those that has_flow names.
select done, rest, ended, asked, woken, keys, duckdive.has_flow(:subjects::uuid[])
from duckdive.do_errands(:subjects::uuid[], :limit::integer, :now::bigint)
