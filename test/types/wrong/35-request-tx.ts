import { requests } from "duckdive/with/express";
import { duckdive, remind } from "../right/01-first-job.js";

declare const tx: { query(text: string): Promise<unknown> };
await requests(duckdive).current().afterResponse(remind, { guest: 4 }, { tx }); // the client was opened without an adapter
