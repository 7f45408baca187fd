-- Signals that runs have not taken, in the order in which they came. Index: signal_waiting.
select run, id, name, payload from duckdive.signal where run = any(:ids::uuid[]) and not taken order by number
