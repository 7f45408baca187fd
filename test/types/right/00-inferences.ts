// 0. What the compiler infers, asserted exactly: no `any` has leaked into what an application sees.
import type { Run, Stored, TxOf } from "duckdive";
import { duckdive as cellar, remind } from "./01-first-job.js";
import { adapter } from "./02-transactions.js";
import { bottle, seal, duckdive as web } from "./03-contract.js";
import { move } from "./06-durable.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(_proof?: T): void => {};

holds<Same<(typeof remind)["~types"]["output"], { receipt: string }>>();
holds<Same<(typeof remind)["~types"]["parsed"], { guest: number }>>();
holds<
  Same<(typeof bottle)["~types"]["parsed"], { label: string; litres: number; pickedAt: Date; lot: bigint }>
>();
holds<Same<(typeof bottle)["~types"]["output"], { shelf: string; bottles: number; sealedAt: Date }>>();
holds<Same<(typeof seal)["~types"]["output"], { wax: string; sealedAt: Date }>>();
holds<Same<(typeof seal)["~types"]["parsed"], { bottle: number }>>();
holds<Same<(typeof move)["~types"]["output"], { first: string | null; counts: number[] }>>();

const own = await cellar.enqueue(remind, { guest: 1 });
holds<Same<typeof own, Run<{ receipt: string }>>>();
const foreign = await web.enqueue(bottle, { label: "a", pickedAt: 1, lot: 1 });
holds<Same<Awaited<ReturnType<typeof foreign.result>>, { shelf: string; bottles: number; sealedAt: Date }>>();

type Tx = TxOf<typeof adapter>;
holds<Same<unknown extends Tx ? true : false, false>>();
holds<Tx extends { rollback(): never } ? true : false>();

// what JSON leaves of a value
holds<
  Same<
    Stored<{ at: Date; size: bigint; list: Date[]; note?: string }>,
    { at: string; size: string; list: string[]; note?: string }
  >
>();
holds<Same<Stored<[Date, number] | null>, [string, number] | null>>();
holds<Same<Stored<unknown>, unknown>>();
