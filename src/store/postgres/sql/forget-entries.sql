-- Forgets what a run that has ended recorded from a call on; answers whether it did.
select duckdive.forget_entries(:run::uuid, :entry::text, :now::bigint)
