-- Tells a worker something, or all of them; those that were told it are not told again. Index: the unique one.
insert into duckdive_message (worker, id, name, payload, at)
select id, :message, :name, :payload, :now from duckdive_worker where :worker is null or id = :worker
on conflict (worker, id) do nothing
