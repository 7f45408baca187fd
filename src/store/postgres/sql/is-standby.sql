-- Whether the server is a standby, which can be looked at and takes no writes.
select pg_is_in_recovery()::text
