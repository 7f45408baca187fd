// What of the store's shapes is sealed, and how each is sealed and opened. Pure, but for the sealing itself.
//
// Sealed is what an application puts in or gets out: inputs, outputs, results of durable calls, payloads of signals, what an
// error says and carries, lines of logs, notes of progress. In plain stays what a store or people find runs by: names of
// jobs, queues, tags, meta, keys, and the name and code of an error.
//
// A value belongs to its run. Where it may come to another run, which nobody knows beforehand, it belongs to the job: the
// input of a request that may replace that of another run, and the payload of a signal that is sent to a key.
//
// Before this file comes sealing. After it comes the store, which does this at each of its verbs.

import type { StoredError } from "../job/index.js";
import { SealedValueError, sealMember } from "../kernel/index.js";
import type {
  Claimed,
  Entry,
  LogLine,
  MovedRun,
  NewEvent,
  NewRun,
  NewSignal,
  Note,
  Settling,
  StoredRun,
  TimelineEvent,
} from "./contract.js";
import { asEnvelope, type Envelope, envelopeIn, type Sealing } from "./sealing.js";

type Text = string | undefined;
type MayBe = (of: string) => boolean;

/** Sealed and opened as one belongs to the other. */
export interface Shapes {
  sealRun<Run extends Pick<NewRun, "job" | "input" | "unique">>(run: Run, id: string): Run;
  sealSettling(settling: Settling): Settling;
  sealEntry(entry: Entry, run: string): Entry;
  sealNote(note: Note): Note;
  sealError(error: StoredError, run: string): StoredError;
  sealSignal(signal: NewSignal): NewSignal;
  sealMoved(moved: MovedRun): MovedRun;
  openRun(run: StoredRun): StoredRun;
  openClaimed(claimed: Claimed): Claimed;
  openEntry(entry: Entry, run: string): Entry;
  openEvent(event: TimelineEvent, run: string): TimelineEvent;
  openLog(line: LogLine, run: string): LogLine;
  openMoved(moved: MovedRun): MovedRun;
}

const ofRun = (id: string): string => `run:${id}`;
const ofJob = (name: string): string => `job:${name}`;
const anyOf: MayBe = () => true;

export function shapesOf(sealing: Sealing): Shapes {
  const seal = <T extends Text>(text: T, of: string): T | string =>
    text === undefined ? text : JSON.stringify(sealing.seal(text, of));
  /** What cannot be opened stays sealed: whoever decodes it hears why. */
  const open = <T extends Text>(text: T, mayBe: MayBe): T | string => {
    const envelope = text === undefined ? undefined : envelopeIn(text);
    return envelope === undefined ? text : (sealing.open(envelope, mayBe) ?? text);
  };
  const only =
    (...names: readonly string[]): MayBe =>
    (of) =>
      names.includes(of);

  function sealError(error: StoredError, of: string): StoredError {
    // Names a key and quotes nothing, and whoever has to mend it may have neither key.
    if (error.code === SealedValueError.code) return error;
    const { name, code, ...rest } = error;
    const data = sealing.seal(JSON.stringify(rest), of);
    return { name, ...(code === undefined ? {} : { code }), message: sealedMessage(data), data };
  }

  function openError<T extends StoredError | undefined>(error: T, mayBe: MayBe): T {
    const envelope = asEnvelope(error?.data);
    const text = envelope === undefined ? undefined : sealing.open(envelope, mayBe);
    if (error === undefined || text === undefined) return error;
    const { data: _, ...plain } = error;
    return { ...plain, ...JSON.parse(text) };
  }

  /** Of the details of events only those of failures have in them what an application said. */
  function sealEvent(event: NewEvent, run: string): NewEvent {
    if (!isError(event.detail) || event.kind === "lost") return event;
    const { startedAt, release, ...error } = event.detail;
    const detail = { ...sealError(error, ofRun(run)), startedAt, release };
    return { ...event, detail };
  }

  function sealEntry(entry: Entry, run: string): Entry {
    const { value, error } = entry;
    if (value === undefined && error === undefined) return entry;
    return {
      ...entry,
      ...(value === undefined ? {} : { value: seal(value, ofRun(run)) }),
      ...(error === undefined ? {} : { error: sealError(error, ofRun(run)) }),
    };
  }

  function openEntry(entry: Entry, run: string): Entry {
    const { kind, value, error } = entry;
    if (value === undefined && error === undefined) return entry;
    // What a child gave back belongs to the child, and what a signal brought to whomever it was sent to.
    const mayBe = kind === "child" || kind === "children" || kind === "signal" ? anyOf : only(ofRun(run));
    return {
      ...entry,
      ...(value === undefined ? {} : { value: open(value, mayBe) }),
      ...(error === undefined ? {} : { error: openError(error, mayBe) }),
    };
  }

  function sealRun<Run extends Pick<NewRun, "job" | "input" | "unique">>(run: Run, id: string): Run {
    if (run.input === undefined) return run;
    const kind = run.unique?.onConflict.kind;
    const mayReplace = kind === "replace" || kind === "debounce";
    return { ...run, input: seal(run.input, mayReplace ? ofJob(run.job) : ofRun(id)) };
  }

  function openEvent(event: TimelineEvent, run: string): TimelineEvent {
    return isError(event.detail) ? { ...event, detail: openError(event.detail, only(ofRun(run))) } : event;
  }

  function openLog(line: LogLine, run: string): LogLine {
    const mayBe = only(ofRun(run));
    const envelope = asEnvelope(line.fields);
    const fields = envelope === undefined ? undefined : sealing.open(envelope, mayBe);
    return {
      ...line,
      message: open(line.message, mayBe),
      ...(fields === undefined ? {} : { fields: JSON.parse(fields) }),
    };
  }

  function openRun(run: StoredRun): StoredRun {
    const mayBe = only(ofRun(run.id), ofJob(run.job));
    const { input, output, error, progress } = run;
    return {
      ...run,
      input: open(input, mayBe),
      output: open(output, mayBe),
      error: openError(error, mayBe),
      progress: progress === undefined ? undefined : { ...progress, note: open(progress.note, mayBe) },
    };
  }

  return {
    sealRun,
    sealEntry,
    openEntry,
    openEvent,
    openLog,
    openRun,
    sealError: (error, run) => sealError(error, ofRun(run)),
    sealSettling(settling) {
      const { run, output, error, events, restart, follow } = settling;
      return {
        ...settling,
        ...(output === undefined ? {} : { output: seal(output, ofRun(run)) }),
        ...(error === undefined ? {} : { error: sealError(error, ofRun(run)) }),
        ...(events === undefined ? {} : { events: events.map((event) => sealEvent(event, run)) }),
        ...(restart === undefined ? {} : { restart: { ...restart, input: seal(restart.input, ofRun(run)) } }),
        ...(follow === undefined ? {} : { follow: follow.map((one) => sealRun(one, one.id)) }),
      };
    },
    sealNote(note) {
      const of = ofRun(note.run);
      if ("log" in note) {
        const { message, fields } = note.log;
        return { ...note, log: { ...note.log, message: seal(message, of), fields: seal(fields, of) } };
      }
      return { ...note, progress: { ...note.progress, note: seal(note.progress.note, of) } };
    },
    sealSignal(signal) {
      const { to, payload } = signal;
      return { ...signal, payload: seal(payload, "run" in to ? ofRun(to.run) : ofJob(to.job)) };
    },
    sealMoved(moved) {
      const { run, events, logs, entries, signals } = moved;
      const { id, input, output, error, progress } = run;
      const of = ofRun(id);
      return {
        ...moved,
        run: {
          ...run,
          input: seal(input, of),
          output: seal(output, of),
          error: error === undefined ? undefined : sealError(error, of),
          progress: progress === undefined ? undefined : { ...progress, note: seal(progress.note, of) },
        },
        events: events.map((event) => ({ ...event, ...sealEvent(event, id) })),
        logs: logs.map((line) => ({
          ...line,
          message: seal(line.message, of),
          fields: line.fields === undefined ? undefined : sealing.seal(JSON.stringify(line.fields), of),
        })),
        entries: entries.map((entry) => sealEntry(entry, id)),
        signals: signals?.map((signal) => ({ ...signal, payload: seal(signal.payload, of) })),
      };
    },
    openClaimed(claimed) {
      return { ...claimed, input: open(claimed.input, only(ofRun(claimed.run), ofJob(claimed.job))) };
    },
    openMoved(moved) {
      const { run, events, logs, entries, signals } = moved;
      return {
        ...moved,
        run: openRun(run),
        events: events.map((event) => openEvent(event, run.id)),
        logs: logs.map((line) => openLog(line, run.id)),
        entries: entries.map((entry) => openEntry(entry, run.id)),
        ...(signals === undefined
          ? {}
          : { signals: signals.map((signal) => ({ ...signal, payload: open(signal.payload, anyOf) })) }),
      };
    },
  };
}

/** For people without the key. */
function sealedMessage(envelope: Envelope): string {
  return `encrypted under key "${envelope[sealMember]}"`;
}

function isError(
  detail: unknown,
): detail is StoredError & { readonly startedAt?: number; readonly release?: string } {
  return (
    typeof detail === "object" &&
    detail !== null &&
    "message" in detail &&
    typeof detail.message === "string" &&
    "name" in detail &&
    typeof detail.name === "string"
  );
}
