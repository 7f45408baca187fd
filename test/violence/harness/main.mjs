// `npm run violence -- --seconds N --store sqlite|postgres --seed S [--faults a,b] [--jobs a,b] [--keep]`: violence, and what became of
// every promise. Ends with 0 when all were kept, with 1 when one was not, with 2 when it could not do what it was asked.
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { kinds } from "./kinds.mjs";
import { tableOf } from "./table.mjs";
import { violence } from "./violence.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    store: { type: "string", default: "sqlite" },
    seed: { type: "string", default: String(randomInt(1_000_000)) },
    faults: { type: "string" },
    jobs: { type: "string" },
    supervisors: { type: "string", default: "2" },
    processes: { type: "string", default: "2" },
    enqueuers: { type: "string", default: "2" },
    /** How long runs may take to end when all is quiet, in seconds. */
    rest: { type: "string", default: "90" },
    keep: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    /** A file for the report as JSON, for other programs. */
    report: { type: "string" },
  },
});

async function main() {
  const { store, seed, faults, jobs } = values;
  const unknown = jobs?.split(",").find((name) => !(Number(kinds[name]?.weight) > 0));
  if (unknown !== undefined) throw new RangeError(`--jobs names "${unknown}", which nobody asks for.`);
  if (store !== "sqlite" && store !== "postgres")
    throw new RangeError(`--store is "${store}". Use sqlite or postgres.`);
  const options = {
    store: /** @type {"sqlite" | "postgres"} */ (store),
    seed,
    seconds: whole("seconds"),
    supervisors: whole("supervisors"),
    processes: whole("processes"),
    enqueuers: whole("enqueuers"),
    rest: whole("rest"),
    keep: values.keep,
    say: (/** @type {string} */ message) => {
      if (!values.quiet) console.error(message);
    },
    ...(faults === undefined ? {} : { faults: faults.split(",") }),
    ...(jobs === undefined ? {} : { jobs: jobs.split(",") }),
  };
  const given = process.argv
    .slice(2)
    .filter((one, place, all) => one !== "--seed" && all[place - 1] !== "--seed");
  const replay = `npm run violence -- ${[...given.filter((one) => !one.startsWith("--seed=")), "--seed", seed].join(" ")}`;
  options.say(`seed ${seed}`);
  const report = await violence(options);
  if (values.report !== undefined) writeFileSync(values.report, JSON.stringify({ ...report, replay }));
  console.log(tableOf({ ...report, replay }));
  process.exitCode = report.violations.length > 0 ? 1 : 0;
}

/** @param {"seconds" | "supervisors" | "processes" | "enqueuers" | "rest"} name */
function whole(name) {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number > 0) return number;
  throw new RangeError(`--${name} is "${values[name]}". Use a whole number from 1.`);
}

try {
  await main();
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
// What a driver still holds must not keep the command from ending.
process.exit();
