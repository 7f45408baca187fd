-- Signals that were sent to a key before anybody had it are those of the run that gets it. Indexes: duckdive_signal_key, and
-- the unique one of id.
update duckdive_signal set run = :id
where run is null and key = :key and job = (select job from duckdive_run where id = :id)
