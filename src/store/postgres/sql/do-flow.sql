-- Does what was left behind about these runs and batches, or with null about any: marks and tells runs that others come after,
-- adds up batches, ends the children of runs that have begun anew. Indexes: those of the tables over, link, batch_change, stray.
select done, rest, ended, asked, claimable, due, keys from duckdive.do_flow(:subjects::uuid[], :limit::integer, :now::bigint)
