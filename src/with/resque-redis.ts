// Redis, as Resque's format is written in it: by scripts, since what has to happen together happens in one of them.
//
// A client is met by shape: ioredis has `call`, node-redis has `sendCommand`, and both send any command. A script's answer is the
// same under either version of the protocol.
//
// Before this file comes the application's client. After it come the intake, the outbox and the failures.
import { InvalidOptionError } from "../kernel/index.js";
import { hasFunctions } from "./connection.js";

/** What is used of a client of ioredis, or of node-redis. */
export type RedisClient =
  | { call(command: string, ...given: string[]): PromiseLike<unknown> }
  | { sendCommand(command: string[]): PromiseLike<unknown> };

/** Runs a script on these keys. */
export type Evaluate = (
  script: string,
  keys: readonly string[],
  values?: readonly string[],
) => Promise<string[]>;

/** @throws InvalidOptionError when it is no client */
export function evaluator(client: RedisClient): Evaluate {
  if (!hasFunctions(client, "call") && !hasFunctions(client, "sendCommand"))
    throw new InvalidOptionError(
      "resque() needs a client of Redis: new Redis(url) of ioredis, or createClient({ url }) of redis, connected.",
    );
  return async (script, keys, values = []) => {
    const given = [script, String(keys.length), ...keys, ...values];
    // ioredis has a `sendCommand` of another kind, so `call` comes first.
    const answer = await ("call" in client
      ? client.call("EVAL", ...given)
      : client.sendCommand(["EVAL", ...given]));
    return Array.isArray(answer) ? answer.map(String) : [];
  };
}

/**
 * Takes what comes first from a queue, and puts it under the ids that are given into the hash of what was taken: in one step,
 * so that nothing is in neither. Answers ids and payloads, by turns.
 */
export const takeScript = `
local answer = {}
for _, id in ipairs(ARGV) do
  local payload = redis.call('lpop', KEYS[1])
  if not payload then break end
  redis.call('hset', KEYS[2], id, payload)
  answer[#answer + 1] = id
  answer[#answer + 1] = payload
end
return answer`;

/** What was taken and is not settled, by whomever. Answers ids and payloads, by turns. */
export const takenScript = "return redis.call('hgetall', KEYS[1])";

/** Forgets what was taken and is recorded. */
export const settleScript = "redis.call('hdel', KEYS[1], unpack(ARGV)) return {}";

/** Makes a failure of what was taken, once, whoever else does it. */
export const refuseScript = `
if redis.call('hdel', KEYS[1], ARGV[1]) == 1 then
  redis.call('rpush', KEYS[2], ARGV[2])
  redis.call('incr', KEYS[3])
end
return {}`;

/** Adds a failure, once for a marker as long as that lives. */
export const failScript = `
if redis.call('set', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
  redis.call('rpush', KEYS[2], ARGV[2])
  redis.call('incr', KEYS[3])
end
return {}`;

/** Pushes a job, once for a marker as long as that lives. */
export const pushScript = `
if redis.call('set', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
  redis.call('sadd', KEYS[2], ARGV[2])
  redis.call('rpush', KEYS[3], ARGV[3])
end
return {}`;

/** The queues that are known, in the order of their names. */
export const queuesScript = `
local names = redis.call('smembers', KEYS[1])
table.sort(names)
return names`;
