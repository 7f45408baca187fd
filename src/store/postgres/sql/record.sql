-- Records durable calls of executions under their fence; answers each, and behind one that was taken what has settled since.
select item, answer, name, kind, hash, state, position, value, error, due_at, attempts, written_at
from duckdive.record(:items::json, :waits::boolean, :now::bigint)
