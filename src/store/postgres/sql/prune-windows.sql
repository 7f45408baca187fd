-- Removes the windows of unique keys that are over. Index: unique_window_until.
select duckdive.prune_windows(:now::bigint)
