-- Ends an execution in the application's own transaction; answers what became of that, and whether something was left behind.
select answer, has_flow::text as left from duckdive.settle_inside(
  :item::text::json, :notes::text::json, :run::text::uuid, :token::text::bigint, :claim::text::uuid, :now::text::bigint,
  :notice::text, :nonce::text
)
