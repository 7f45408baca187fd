-- How many live workers have this definition of a schedule in their code. Index: the primary key.
select count(*) from duckdive_scheduler where schedule = :name and digest = :digest
