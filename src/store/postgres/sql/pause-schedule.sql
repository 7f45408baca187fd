-- Pauses a schedule, or lets it tick again.
select duckdive.pause_schedule(:name, :pause::boolean, :next::bigint, :now::bigint)
