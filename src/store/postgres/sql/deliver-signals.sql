-- Delivers signals; answers for each whether there is such a run, and the subjects of errands that were left behind. Through
-- text, since this may be a connection of the application.
select answers, missed::text as missed, woken
from duckdive.signal(
  :signals::text::json, :inside::text::boolean, :now::text::bigint, :notice::text, :nonce::text
)
