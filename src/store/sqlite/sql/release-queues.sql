-- Ends what is over of the holding back of queues; a handful of rows.
delete from duckdive_held where until <= :now
