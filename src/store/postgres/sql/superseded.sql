-- Which executions have lost their run to somebody who changed it. Index: the primary key.
select duckdive.superseded(:runs::uuid[], :tokens::bigint[])
