-- Whether a worker is registered that has this job at this version or a newer one. Index: the primary key.
select 1 from duckdive_ability where job = :job and version >= :version limit 1
