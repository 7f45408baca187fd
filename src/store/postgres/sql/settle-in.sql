-- Ends an execution in the application's own transaction; answers what became of that.
select duckdive.settle_in(
  :item::text::json, :notes::text::json, :run::text::uuid, :token::text::bigint, :claim::text::uuid, :now::text::bigint,
  :notice::text, :nonce::text
) as answer
