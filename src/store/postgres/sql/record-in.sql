-- Records settled calls in the application's own transaction; answers what became of that, or what has settled since. As
-- text, since drivers of the application read JSON in ways of their own.
select duckdive.record_inside(
  :run::text::uuid, :token::text::bigint, :claim::text::uuid, :entries::text::json, :after::text::integer,
  :now::text::bigint, :nonce::text
) as answer
