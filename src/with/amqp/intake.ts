// Messages of a queue, recorded as runs: first the record, then the acknowledgement, so that whatever dies in between, the
// broker delivers again. What it delivers again is the same run, because the run's id is made of the message's.
//
// Whatever has been delivered while a batch was being recorded is the next batch, so a burst shares commits and a single
// message waits for nobody. What can never be a run goes to a dead-letter exchange with the reason in its headers, and is
// acknowledged when the broker has confirmed that. While the store is away, deliveries are kept unacknowledged and the
// prefetch holds the rest back in the broker.
//
// Before this file comes the link. After it come the runs.
import { checkName, type Log, type Request } from "../../job/index.js";
import type { Clock } from "../../kernel/index.js";
import { waitAfter, within } from "../patience.js";
import { type Fate, messageOf, type Recorder, recordAll } from "../recording.js";
import type { Line, Link } from "./link.js";
import { type DeadLetters, type Reason, refuse } from "./poison.js";
import type { Publisher } from "./publisher.js";
import type { Delivery } from "./shapes.js";

/** How far an intake is. Counts are since it was started. */
export interface IntakeStatus {
  readonly isConnected: boolean;
  /** Runs that were recorded. */
  readonly recorded: number;
  /** Messages whose run was there already: delivered again, or sent twice. */
  readonly known: number;
  /** Messages that went to the dead-letter exchange. */
  readonly refused: number;
  /** Deliveries that are not recorded yet. */
  readonly held: number;
}

/** What makes runs of the messages of a queue. */
export interface Intake {
  /** Resolves when it consumes for the first time. */
  readonly ready: Promise<void>;
  /** How it is now. */
  status(): IntakeStatus;
  /** Takes no more, records what is under way, and gives the rest back to the broker. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface IntakeParts {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly recorder: Recorder;
  readonly queue: string;
  readonly prefetch: number;
  readonly deadLetters: DeadLetters;
  /** The request that a message is, or why it can be none. */
  readonly request: (message: Delivery) => Request | Reason;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long a broker has to answer that it delivers no more, in milliseconds. */
const answerTimeout = 5_000;

interface Held {
  readonly message: Delivery;
  readonly line: Line;
  readonly request: Request | Reason;
}

export function startIntake(parts: IntakeParts): Intake {
  checkName(parts.queue, "The queue of amqp().consume()");
  return new RunningIntake(parts);
}

class RunningIntake implements Intake {
  readonly ready: Promise<void>;
  readonly #parts: IntakeParts;
  readonly #stopping = new AbortController();
  readonly #over: Promise<void>;
  readonly #counts = { recorded: 0, known: 0, refused: 0 };
  #tellReady: () => void = () => {};
  #held: Held[] = [];
  #line: Line | undefined;
  #tag: string | undefined;
  #recording: Promise<void> | undefined;
  #failures = 0;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.ready = new Promise((resolve) => {
      this.#tellReady = resolve;
    });
    this.#over = this.#consume();
  }

  status(): IntakeStatus {
    return {
      ...this.#counts,
      held: this.#held.length,
      isConnected: this.#line !== undefined && this.#line.loss === undefined,
    };
  }

  /** Consumes, again and again, until it is to stop. */
  async #consume(): Promise<void> {
    const { link, queue, clock, log } = this.#parts;
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const line = await within(link.line(), signal);
        await this.#begin(line);
        failures = 0;
        const loss = await lossOf(line, signal);
        if (loss === undefined) break;
        throw loss;
      } catch (error) {
        failures += 1;
        this.#line = undefined;
        if (signal.aborted) break;
        log.warn(`Queue "${queue}" of the broker is not consumed: ${messageOf(error)}.`, { queue, failures });
        await waitAfter(clock, failures, signal);
      }
    }
  }

  async #begin(line: Line): Promise<void> {
    const { queue, prefetch } = this.#parts;
    await line.channel.prefetch(prefetch);
    const { consumerTag } = await line.channel.consume(queue, (message) => {
      if (message !== null) this.#take(message, line);
      // The queue was deleted, or its node is gone: from another connection it may be there again.
      else line.drop();
    });
    this.#line = line;
    this.#tag = consumerTag;
    this.#tellReady();
  }

  #take(message: Delivery, line: Line): void {
    if (this.#stopping.signal.aborted) return;
    this.#held.push({ message, line, request: this.#parts.request(message) });
    this.#recording ??= new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#recordAll())
      .finally(() => {
        this.#recording = undefined;
      });
  }

  /** Records what is held, and what is delivered meanwhile, until nothing is left. */
  async #recordAll(): Promise<void> {
    const { signal } = this.#stopping;
    while (this.#held.length > 0 && !signal.aborted) {
      // What came over a line that is lost is delivered again, over the next one.
      const batch = this.#held.filter(({ line }) => line.loss === undefined);
      this.#held = [];
      const left = await this.#record(batch);
      this.#held.unshift(...left);
      this.#failures = left.length === 0 ? 0 : this.#failures + 1;
      if (left.length > 0) await waitAfter(this.#parts.clock, this.#failures, signal);
    }
  }

  /** Answers those that have to be tried again. */
  async #record(batch: readonly Held[]): Promise<Held[]> {
    const requests = batch.flatMap(({ request }) => ("code" in request ? [] : [request]));
    const fates = (await recordAll(this.#parts.recorder, requests)).values();
    const settled = batch.map((held): Promise<boolean> => {
      if ("code" in held.request) return this.#refuse(held, held.request);
      return this.#settle(held, fates.next().value);
    });
    const done = await Promise.all(settled);
    return batch.filter((_, place) => done[place] === false);
  }

  async #settle(held: Held, fate: Fate | undefined): Promise<boolean> {
    if (fate?.kind === "recorded") {
      this.#counts[fate.created ? "recorded" : "known"] += 1;
      acknowledge(held);
      return true;
    }
    if (fate?.kind === "refused") {
      const { code, message } = fate.error;
      return this.#refuse(held, { code, message });
    }
    const { queue, log } = this.#parts;
    log.warn(
      `A message of queue "${queue}" is not recorded yet: ${messageOf(fate?.error)}. It is tried again.`,
      { queue },
    );
    return false;
  }

  async #refuse(held: Held, reason: Reason): Promise<boolean> {
    const { queue, publisher, deadLetters, log, clock } = this.#parts;
    try {
      await refuse(held.message, reason, { queue, publisher, deadLetters, at: clock.now() });
    } catch (error) {
      log.error(
        `A message of queue "${queue}" can be no run (${reason.code}), and the dead-letter exchange ` +
          `"${deadLetters.exchange}" did not take it: ${messageOf(error)}. It is kept, and tried again.`,
        { queue },
      );
      return false;
    }
    this.#counts.refused += 1;
    log.warn(
      `A message of queue "${queue}" went to "${deadLetters.exchange}": ${messageOf(reason.message)}.`,
      {
        queue,
        code: reason.code,
      },
    );
    acknowledge(held);
    return true;
  }

  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      const line = this.#line;
      if (line !== undefined && this.#tag !== undefined && line.loss === undefined)
        await within(line.channel.cancel(this.#tag), AbortSignal.timeout(answerTimeout)).catch(() => {});
      this.#tellReady();
    }
    await this.#recording;
    await this.#parts.link.close();
    await this.#over;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Over a line that is lost nothing can be acknowledged: the broker delivers it again, and it is known then. */
function acknowledge({ message, line }: Held): void {
  if (line.loss !== undefined) return;
  try {
    line.channel.ack(message);
  } catch {
    // It has gone, and did not tell yet.
    line.drop();
  }
}

/** Resolves when the line is lost, or with nothing when the signal is aborted. */
function lossOf(line: Line, signal: AbortSignal): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const end = (loss?: Error): void => {
      forget();
      signal.removeEventListener("abort", abort);
      resolve(loss);
    };
    const abort = (): void => end();
    let forget: () => void = () => {};
    forget = line.onLost(end);
    if (signal.aborted) end();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
