-- Removes what hangs on runs that are being removed. Index: the primary key.
delete from duckdive_body where run in (select value from json_each(:seqs))
