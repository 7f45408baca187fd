-- Records settled calls in the application's own transaction; answers what became of that.
select duckdive.record_in(
  :run::text::uuid, :token::text::bigint, :claim::text::uuid, :entries::text::json, :nonce::text
) as answer
