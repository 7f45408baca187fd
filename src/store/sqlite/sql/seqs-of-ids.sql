-- Where runs stand, by id. Index: the unique one of id.
select seq, id from duckdive_run where id in (select value from json_each(:ids))
