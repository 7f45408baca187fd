-- A plan made while there were no dependencies could read every open one for each run, until the next statistics: both of these
-- indexes served every question that asks for what is open. Each now serves those alone that name its first column.

drop index duckdive.dependency_open;
drop index duckdive.dependency_needs;
create index dependency_open on duckdive.dependency (run, needs) where is_open and run is not null;
create index dependency_needs on duckdive.dependency (needs) where is_open and needs is not null;
