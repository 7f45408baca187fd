// The door of `web/`: the HTTP API and the dashboard, as one function from a Request to a Response.
//
//   web       what is mounted            access    who may do what
//   api/      the resources              problem   what is answered when something is not done
//   node      serving it with node:http  shown     what gets out
//
// The list is written by hand, so that adding to it is a decision.

export { type NodeListener, nodeListener, serveWeb, type WebServer } from "./node.js";
export type { WebOptions } from "./options.js";
export { isLoopbackAddress } from "./origin.js";
export type { Authorize, Origin, Role } from "./role.js";
export type { Served } from "./served.js";
export type { Redact, ShownPart } from "./shown.js";
export { type Web, web } from "./web.js";
