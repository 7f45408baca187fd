-- Says when the first in line at a rate may be let in; null: when somebody who was let in has started. Index: the primary key.
insert into duckdive_rate (gate, arrival, held_until, opens_at, over_at) values (:gate, 0, 0, :opensAt, 0)
on conflict (gate) do update set opens_at = excluded.opens_at
