-- The oldest pending wait of a run for a signal. Index: duckdive_entry_signal.
select name from duckdive_entry
where run = :run and hash = :signal and state = 'pending' and kind = 'signal' order by number limit 1
