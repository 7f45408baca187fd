// `GET /events`: what changes, live, as server-sent events.
//
//   ready   the first: `resumed` says whether what was missed comes next; where not, whoever shows something reads it again
//   run     a run is now so
//   many    more has changed than is told one by one: read again
//
// Before this file come the news and the streams. After it comes a browser's EventSource.

import { states } from "../../run/index.js";
import type { News, NewsItem } from "../news.js";
import { id, list, object, type TypeOf, word } from "../schema.js";
import type { Streams } from "../streams.js";
import { type Route, route } from "./route.js";
import { name } from "./shapes.js";

const query = object(
  {},
  {
    run: list(id(), { maxItems: 100, description: "These runs only, however old they are." }),
    job: list(name, { maxItems: 100 }),
    queue: list(name, { maxItems: 100 }),
    state: list(word(states)),
  },
);

type Wanted = TypeOf<typeof query>;

/** How long a browser waits before it comes again, in milliseconds. */
const comeAgain = 2_000;

export function eventRoutes({ news, streams }: { readonly news: News; readonly streams: Streams }): Route[] {
  return [
    route({
      method: "get",
      path: "/events",
      summary: "Hear of runs as they change, as server-sent events",
      query,
      answers: {
        200: {
          description: "A stream that ends after some minutes; come again with Last-Event-ID.",
          type: "text/event-stream",
        },
      },
      problems: ["TOO_MANY_STREAMS"],
      async handle({ context: { req, env }, query: wanted }) {
        if (req.raw.method === "HEAD")
          return new Response(null, { headers: { "content-type": "text/event-stream" } });
        const resumed = req.header("last-event-id");
        return streams.open(env.address, req.raw.signal, async ({ write }) => {
          const show = (items: readonly NewsItem[]): void => {
            const texts = items
              .filter((item) => isWanted(item, wanted))
              .map((item) => textOf(news.name, item));
            if (texts.length > 0) write(texts.join(""));
          };
          // What comes before the beginning is known is among what was missed, or is read with all else.
          let hear: (items: readonly NewsItem[]) => void = () => {};
          const leave = await news.listen({ ids: wanted.run ?? [], hear: (items) => hear(items) });
          const missed = missedBy(news, resumed);
          write(
            `retry: ${comeAgain}\n${eventText(`${news.name}-${news.last}`, "ready", { resumed: missed !== undefined })}`,
          );
          if (missed !== undefined) show(missed);
          hear = show;
          return leave;
        });
      },
    }),
  ];
}

/** What came after the last event that a client has heard; undefined: it is not known, or it has heard none. */
function missedBy(news: News, id: string | undefined): readonly NewsItem[] | undefined {
  const [, name, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(id ?? "") ?? [];
  return name === news.name ? news.since(Number(number)) : undefined;
}

function isWanted(item: NewsItem, { run, job, queue, state }: Wanted): boolean {
  if (item.kind === "many") return run === undefined;
  const { run: about } = item;
  return (
    (run?.includes(about.id) ?? true) &&
    (job?.includes(about.job) ?? true) &&
    (queue?.includes(about.queue) ?? true) &&
    (state?.includes(about.state) ?? true)
  );
}

function textOf(instance: string, item: NewsItem): string {
  return eventText(`${instance}-${item.number}`, item.kind, item.kind === "run" ? item.run : {});
}

/** JSON has no line break in it, so no value can begin an event of its own. */
function eventText(id: string, event: string, data: object): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
