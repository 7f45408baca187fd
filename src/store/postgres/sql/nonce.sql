-- The word that tells this database from every other.
select nonce from duckdive.meta
