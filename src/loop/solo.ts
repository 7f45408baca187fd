// Who may execute beside whom: a run on its last chance executes alone in its worker.
//
// Such a run has taken workers down before, and once more makes it poison. Alone it can hurt nobody else, and nobody
// else can be blamed for it. It waits until what executes has ended; whatever comes behind it waits as well, so that it
// gets its turn, and in the order in which it came. While somebody waits nothing new is fetched: other workers have it.
//
// Pure counting. Before this file comes a claimed run. After it comes the call of its handler.

/** One run's place: inside, or in the line before the gate. */
export interface Place {
  readonly isInside: boolean;
  /** Its execution has ended, or it waits no longer. */
  leave(): void;
}

export interface Gate {
  /** Takes a place: inside at once when it may, else in the line; `onTurn` is called when it gets in from there. */
  enter(isAlone: boolean, onTurn: () => void): Place;
  /** Somebody waits, or is alone inside: whatever came now would have to wait. */
  readonly isClosed: boolean;
}

interface Visitor {
  readonly isAlone: boolean;
  readonly onTurn: () => void;
  where: "line" | "inside" | "gone";
}

export function createGate(): Gate {
  let inside = 0;
  let isTaken = false;
  const line: Visitor[] = [];

  function mayEnter({ isAlone }: Visitor): boolean {
    return !isTaken && (!isAlone || inside === 0);
  }

  function letIn(visitor: Visitor): void {
    visitor.where = "inside";
    inside += 1;
    isTaken = visitor.isAlone;
  }

  function advance(): void {
    for (let first = line[0]; first !== undefined && mayEnter(first); first = line[0]) {
      line.shift();
      letIn(first);
      first.onTurn();
    }
  }

  function leave(visitor: Visitor): void {
    if (visitor.where === "line") line.splice(line.indexOf(visitor), 1);
    if (visitor.where === "inside") {
      inside -= 1;
      isTaken = false;
    }
    visitor.where = "gone";
    advance();
  }

  return {
    enter(isAlone, onTurn) {
      const visitor: Visitor = { isAlone, onTurn, where: "line" };
      if (line.length === 0 && mayEnter(visitor)) letIn(visitor);
      else line.push(visitor);
      return {
        get isInside() {
          return visitor.where === "inside";
        },
        leave: () => leave(visitor),
      };
    },
    get isClosed() {
      return isTaken || line.length > 0;
    },
  };
}
