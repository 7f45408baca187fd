-- A child by its id, if it was started for this entry. Indexes: the unique one of id, the primary key of the bodies.
select run.seq, run.state, run.reason, iif(run.body & 2, body.output, run.output), iif(run.body & 4, body.error, run.error)
from duckdive_run as run
left join duckdive_body as body on body.run = run.seq and run.body <> 0
where run.id = :id and run.parent = :parent and run.parent_entry = :entry
