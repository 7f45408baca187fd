// Two jobs for tenants: one in which they take turns, and one that serves whoever was there first.
import { z } from "zod";
import { job } from "./duckdive.mjs";

const input = z.object({ tenant: z.string(), asked: z.number() });

/** @typedef {(input: { tenant: string, asked: number }) => void | Promise<void>} Handle */

/** @param {Handle} handle */
export const fairJob = (handle) => job({ name: "fair", input, fair: { by: "tenant" }, handle });

/** @param {Handle} handle */
export const unfairJob = (handle) => job({ name: "unfair", input, handle });
