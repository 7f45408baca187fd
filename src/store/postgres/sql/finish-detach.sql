-- Ends the detaching of a partition that was interrupted.
select duckdive.finish_detach(:parent::text, :name::text)
