-- What settled from an entry on, and what is pending. Index: the primary key.
select name from duckdive_entry
where run = :run and (
  state = 'pending' or position >= (select position from duckdive_entry where run = :run and name = :name)
)
