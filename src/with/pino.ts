// pino, as the application uses it: `open({ log: pino(logger) })`.
//
// Before this file comes the application's logger. After it comes `observe/`.
export { type PinoShape, pino } from "../observe/index.js";
