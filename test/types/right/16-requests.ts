// 16. A request's hand is typed by the client: its inputs are those of the job, and its `tx` is that of the adapter.
import { currentContext, withContext } from "duckdive";
import { type Requests, requests } from "duckdive/with/express";
import { requests as nextRequests } from "duckdive/with/next";
import { sweep, workWithin } from "duckdive/with/serverless";
import { remind, duckdive as without } from "./01-first-job.js";
import { catalogue, duckdive } from "./02-transactions.js";

const jobs = requests(duckdive, { context: (headers) => ({ locale: headers("accept-language") }) });
declare const request: object;
declare const tx: TransactionOf<typeof jobs>;
type TransactionOf<T> = T extends Requests<infer Tx> ? Tx : never;

const hand = jobs.of(request);
hand.carry({ userId: "7", tenant: "acme", locale: undefined });
const { id } = await hand.afterResponse(catalogue, { wine: 1 }, { tx, tags: ["late"] });
id.toUpperCase();
const run = await jobs.current().enqueue(catalogue, { wine: 1 }, { delay: "5m" });
(await run.result()).second.toFixed();

const plain = requests(without).of(request);
await plain.afterResponse(remind, { guest: 4 });
const { ended } = await workWithin(without, [run], { budget: "10s" });
const isEmpty: boolean = await sweep(without, { budget: 10_000, queues: { mail: 1 } });
ended.includes(String(isEmpty));

const routes = nextRequests(duckdive, { after: (task) => void task() });
const POST = routes(async (given: Request, { params }: { params: { id: string } }) => {
  return new Response(given.url + params.id);
});
const answer: Promise<Response> = POST(new Request("http://localhost"), { params: { id: "7" } });
await answer;

const length: number = await withContext(
  { requestId: "r-1" },
  async () => currentContext().requestId?.length ?? 0,
);
length.toFixed();
