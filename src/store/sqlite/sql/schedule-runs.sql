-- Whether a run that a schedule made has not ended. Indexes: the primary key of ticks, the unique one of a run's id.
select 1 from duckdive_tick as tick join duckdive_run as run on run.id = tick.run
where tick.schedule = :name and run.state in ('scheduled', 'ready', 'running', 'waiting') limit 1
