// Runs that a handler starts and waits for: `ctx.run`, and `ctx.runAll` for many of one job.
//
// A child's id is made of its parent's and of the name of the call, so that however often the handler is replayed it is
// one run. The store settles the entry in the transaction that ends the child; of many, in the one that ends the last.
//
// Before this file comes the engine. After it comes `ctx`.
import { createHash } from "node:crypto";
import {
  type AnyContract,
  type ChildOptions,
  defaults,
  type OnChildFailure,
  parseOutput,
  RunCancelledError,
  runFailure,
  type StoredError,
  type Wait,
} from "../job/index.js";
import { decode, encode, InvalidOptionError } from "../kernel/index.js";
import { childId, recordedFailure } from "../run/index.js";
import type { Entry, Gate, NewRun, StoredRun } from "../store/contract.js";
import type { CallParts } from "./parts.js";

export function runChild(
  parts: CallParts,
  name: string,
  contract: AnyContract,
  input: unknown,
  options: ChildOptions = {},
): Wait<unknown> {
  const { engine, origin } = parts;
  const id = childId(origin, name);
  const entry = { name, kind: "child", hash: hashOf(contract, [input]) } as const;
  return engine.call({
    ...entry,
    read: (settled) => outputOf(contract, id, ended(settled)),
    begin(known) {
      if (known !== undefined) return;
      engine.work(async () => {
        try {
          const child = await childOf(parts, { name, id, contract, input, options });
          engine.write({ ...entry, state: "pending" }, [child]);
        } catch (error) {
          engine.refuse(name, error);
        }
      });
    },
  });
}

export interface ManyOptions extends ChildOptions {
  readonly onFailure?: OnChildFailure;
  readonly atOnce?: number;
}

export function runChildren(
  parts: CallParts,
  name: string,
  contract: AnyContract,
  given: Iterable<unknown>,
  options: ManyOptions = {},
): Wait<unknown> {
  const { engine, origin } = parts;
  const inputs = [...given];
  const ids = inputs.map((_input, number) => childId(origin, name, number));
  const entry = { name, kind: "children", hash: hashOf(contract, inputs) } as const;
  checkAtOnce(options.atOnce, name);
  return engine.call({
    ...entry,
    async read(settled) {
      const ends = settled.value === undefined ? await remember(parts, settled, ids) : endsIn(settled.value);
      return resultOf(contract, ids, ends, options.onFailure ?? "fail");
    },
    begin(known) {
      if (known !== undefined) return;
      engine.work(async () => {
        try {
          const children: NewRun[] = [];
          for (const [number, input] of inputs.entries()) {
            const id = ids[number] ?? "";
            children.push(await childOf(parts, { name, id, contract, input, options }));
          }
          engine.write({ ...entry, state: children.length === 0 ? "done" : "pending" }, children);
        } catch (error) {
          engine.refuse(name, error);
        }
      });
    },
  });
}

function checkAtOnce(atOnce: number | undefined, name: string): void {
  if (atOnce === undefined || (Number.isInteger(atOnce) && atOnce > 0)) return;
  throw new InvalidOptionError(
    `atOnce of ctx.runAll "${name}" is ${String(atOnce)}. Use a whole number from 1 up.`,
  );
}

/** Of the job and its inputs, as they were given: what a replay must ask for again. */
function hashOf(contract: AnyContract, inputs: readonly unknown[]): string {
  const hash = createHash("sha256").update(contract.name);
  for (const input of inputs) {
    hash
      .update("\0")
      .update(
        encode(input, { what: `The input of job "${contract.name}"`, limit: defaults.inputLimit }) ?? "",
      );
  }
  return hash.digest("hex").slice(0, 32);
}

interface Asked {
  readonly name: string;
  readonly id: string;
  readonly contract: AnyContract;
  readonly input: unknown;
  readonly options: ManyOptions;
}

async function childOf(
  { newRun, heldLocks, run }: CallParts,
  { name, id, contract, input, options }: Asked,
): Promise<NewRun> {
  const { priority, tags, onParentEnd = "cancel", atOnce } = options;
  const child = await newRun(contract, input, {
    ...(priority === undefined ? {} : { priority }),
    ...(tags === undefined ? {} : { tags }),
  });
  const atOnceGate =
    atOnce === undefined
      ? []
      : [{ kind: "limit", key: `children of ${run} ${name}`, limit: atOnce } as const];
  const gates = [...(await unshared(child.gates ?? [], onParentEnd, heldLocks)), ...atOnceGate];
  return {
    ...child,
    id,
    fresh: false,
    parent: { run, entry: name, onEnd: onParentEnd },
    gates: gates.length === 0 ? undefined : gates,
  };
}

/** A child that ends with its parent works under the locks which that holds, and does not wait for them. */
async function unshared(
  gates: readonly Gate[],
  onParentEnd: "cancel" | "leave",
  heldLocks: CallParts["heldLocks"],
): Promise<readonly Gate[]> {
  if (onParentEnd === "leave" || !gates.some(({ kind }) => kind === "lock")) return gates;
  const held = await heldLocks();
  return gates.filter(({ kind, key }) => kind !== "lock" || !held.has(key));
}

/** How a child ended, as its parent's record keeps it. */
type End =
  | { readonly state: "succeeded"; readonly output?: string | undefined }
  | { readonly state: "failed"; readonly error: StoredError }
  | { readonly state: "cancelled"; readonly reason: string };

/** The store settles an entry with the output, or with the error; a cancelled child has the error of that name. */
function ended({ state, value, error }: Entry): End {
  if (state === "done") return { state: "succeeded", output: value };
  const known = error ?? { name: "Error", message: "it failed" };
  return known.code === RunCancelledError.code
    ? { state: "cancelled", reason: known.message }
    : { state: "failed", error: known };
}

function endOf(run: StoredRun | undefined): End {
  if (run === undefined) return { state: "cancelled", reason: "it was removed" };
  if (run.state === "succeeded") return { state: "succeeded", output: run.output };
  if (run.state === "cancelled") return { state: "cancelled", reason: run.reason ?? "" };
  return { state: "failed", error: run.error ?? { name: "Error", message: run.reason ?? "it failed" } };
}

/** How many children ended, read from their runs once and kept in the entry: they may be removed before the parent ends. */
async function remember(
  { engine, find, job }: CallParts,
  entry: Entry,
  ids: readonly string[],
): Promise<End[]> {
  const ends = (await find(ids)).map(endOf);
  const value = encode(ends, {
    what: `The results of ctx.runAll "${entry.name}" of job "${job}" together`,
    limit: 16 * defaults.inputLimit,
  });
  engine.write({ ...entry, value });
  return ends;
}

/** What stands in an entry was encoded here. */
function endsIn(value: string): End[] {
  return decode(value) as End[];
}

async function outputOf(contract: AnyContract, id: string, end: End): Promise<unknown> {
  if (end.state === "succeeded") return parseOutput(contract, end.output);
  if (end.state === "cancelled")
    throw recordedFailure(new RunCancelledError({ runId: id, reason: end.reason }));
  throw recordedFailure(await runFailure(contract, { runId: id, job: contract.name, error: end.error }));
}

async function resultOf(
  contract: AnyContract,
  ids: readonly string[],
  ends: readonly End[],
  onFailure: OnChildFailure,
): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const [number, end] of ends.entries()) {
    const value = () => outputOf(contract, ids[number] ?? "", end);
    if (onFailure === "fail") results.push(await value());
    else if (onFailure === "ignore") results.push(end.state === "succeeded" ? await value() : undefined);
    else results.push(end.state === "succeeded" ? { state: end.state, output: await value() } : end);
  }
  return results;
}
