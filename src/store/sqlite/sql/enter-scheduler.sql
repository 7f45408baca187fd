-- A worker has a schedule in its code, if it is registered. Index: the primary key.
insert into duckdive_scheduler (schedule, worker, digest)
select :name, :worker, :digest where exists (select 1 from duckdive_worker where id = :worker)
on conflict (schedule, worker) do update set digest = excluded.digest
