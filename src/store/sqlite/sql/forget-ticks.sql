-- Forgets the oldest ticks of a schedule. Index: the primary key.
delete from duckdive_tick where schedule = :name and number <= :number
