-- Lets every worker have its own slots for a queue again. Index: the primary key.
delete from duckdive_slots where queue = :queue
