// What every resource is made of: the client, what may be shown, and the definitions at hand.
//
// Before this file comes the mounting. After it come the resources.
import type { AnyContract, Signal } from "../../job/index.js";
import type { Served } from "../served.js";
import type { Shown } from "../shown.js";

export interface ApiParts {
  readonly duckdive: Served;
  readonly shown: Shown;
  /** By which inputs are judged, beside those of the client. */
  readonly jobs: ReadonlyMap<string, AnyContract>;
  /** By which payloads are judged. */
  readonly signals: ReadonlyMap<string, Signal<string, unknown, unknown>>;
  /** How many live streams are open at once. */
  readonly streams: number;
}
