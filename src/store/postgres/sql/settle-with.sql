-- Ends executions of runs with unique keys, or that are followed by others; 'busy': its row is locked at this moment.
select duckdive.settle_with(:items::json, :done::uuid[], :now::bigint)
