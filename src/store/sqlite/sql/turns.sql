-- How much some shares of a queue have had. Index: the primary key.
select fair, turn from duckdive_turn where queue = :queue and fair in (select value from json_each(:shares))
