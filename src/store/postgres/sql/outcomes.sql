-- How executions were settled whose answer was lost: a state, 'rests', or null for those that were not settled.
select duckdive.outcome_of(asked.run, asked.token, asked.worker)
from unnest(:runs::uuid[], :tokens::bigint[], :workers::text[]) with ordinality as asked (run, token, worker, number)
order by asked.number
