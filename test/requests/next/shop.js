// A job, and the hands of requests, as an application of Next has them.
import { job, open } from "duckdive";
import { requests } from "duckdive/with/next";
import { headers } from "next/headers";
import { after } from "next/server";

export const welcome = job({ name: "welcome", handle: (_input, { meta }) => meta.requestId });
export const duckdive = open(`sqlite:${process.env.SHOP}`, { jobs: [welcome] });
export const jobs = requests(duckdive, { after, headers, work: { budget: "20s" } });
