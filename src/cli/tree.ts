// The runs below a run, drawn as a tree. Pure: a family in, lines out.
//
// Many children of one call are one line with their counts, and those under it that have not succeeded, the failed ones first.
// However many there are, the answer has an end.
//
// Before this file comes family.ts. After it comes `show`.

import type { State } from "../job/index.js";
import { formatDuration } from "../kernel/index.js";
import type { Colors } from "./colors.js";
import type { Descendant } from "./family.js";
import { clean, cut, widthOf } from "./text.js";
import { count, stateCell } from "./words.js";

/** More lines than this are not drawn. */
const mostLines = 200;
/** More children of one call than this are summed up. */
const few = 5;
/** Of those that are summed up so many are named. */
const mostNamed = 10;

export interface Canvas {
  readonly colors: Colors;
  /** Undefined: nothing is cut. */
  readonly width: number | undefined;
}

/** What hangs below something: a run, or many with one line for all. */
interface Branch {
  readonly head: Descendant | string;
  readonly below: readonly Branch[];
}

/** @param leftOut how many there are besides, which were not read */
export function treeLines(children: readonly Descendant[], leftOut: number, canvas: Canvas): string[] {
  const drawn: string[] = [];
  let unseen = leftOut;
  const draw = (branches: readonly Branch[], lead: string): void => {
    branches.forEach(({ head, below }, place) => {
      const isLast = place === branches.length - 1;
      if (drawn.length < mostLines) drawn.push(lineOf(head, `${lead}${isLast ? "└─" : "├─"} `, canvas));
      else if (typeof head !== "string") unseen += 1;
      draw(below, `${lead}${isLast ? "   " : "│  "}`);
    });
  };
  draw(branchesOf(children), "");
  return unseen > 0 ? [...drawn, canvas.colors.dim(`… and ${count(unseen)} more`)] : drawn;
}

function branchesOf(children: readonly Descendant[]): Branch[] {
  const groups = grouped(children, ({ call, job }) => call ?? job);
  return [...groups].flatMap(([name, group]) =>
    group.length > few ? [summed(name, group)] : group.map(branchOf),
  );
}

/** In the order in which the first of each comes. */
function grouped<Key>(
  children: readonly Descendant[],
  keyOf: (child: Descendant) => Key,
): Map<Key, Descendant[]> {
  const groups = new Map<Key, Descendant[]>();
  for (const child of children) {
    const key = keyOf(child);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [child]);
    else group.push(child);
  }
  return groups;
}

function branchOf(child: Descendant): Branch {
  return { head: child, below: branchesOf(child.children) };
}

/** From what needs attention to what has happened as it should. */
const order: readonly State[] = [
  "failed",
  "cancelled",
  "running",
  "waiting",
  "ready",
  "scheduled",
  "succeeded",
];

function summed(name: string, group: readonly Descendant[]): Branch {
  const byState = grouped(group, ({ state }) => state);
  const known = order.filter((state) => byState.has(state)).reverse();
  const counts = known.map((state) => `${count(byState.get(state)?.length ?? 0)} ${state}`).join(", ");
  const open = order.flatMap((state) => (state === "succeeded" ? [] : (byState.get(state) ?? [])));
  const rest = open.length - mostNamed;
  return {
    head: `${name}: ${counts}`,
    below: [
      // The line above them has said which call it is.
      ...open.slice(0, mostNamed).map(({ call: _, ...child }) => branchOf(child)),
      ...(rest > 0 ? [{ head: `… and ${count(rest)} more`, below: [] }] : []),
    ],
  };
}

function lineOf(head: Descendant | string, lead: string, { colors, width }: Canvas): string {
  const within = (text: string, room: number): string =>
    width === undefined ? text : cut(text, width - room);
  if (typeof head === "string") return colors.dim(lead) + within(clean(head), lead.length);
  const state = stateCell(head.state, colors);
  const { text, paint } =
    typeof state === "string"
      ? { text: state, paint: String }
      : isNarrow(width)
        ? { ...state, text: state.text.slice(0, 1) }
        : state;
  const room = lead.length + widthOf(text) + 2;
  return `${colors.dim(lead)}${paint(text)}  ${within(clean(aboutOf(head)), room)}`;
}

/** Where there is no room for it, a state is its sign alone: ids are there whole, to be copied. */
function isNarrow(width: number | undefined): boolean {
  return width !== undefined && width < 90;
}

function aboutOf({ id, job, call, state, remark, took }: Descendant): string {
  const name = call === undefined || call === job ? job : `${call} (${job})`;
  const more = state === "succeeded" && took !== undefined ? `in ${formatDuration(took)}` : remark;
  return more === "" ? `${id}  ${name}` : `${id}  ${name}  ${more}`;
}
