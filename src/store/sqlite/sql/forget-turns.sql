-- Forgets shares that stand at the virtual time of their queue, or behind it, as those do of which nothing is known.
-- Index: duckdive_turn_turn.
delete from duckdive_turn where queue = :queue and turn <= :turn
