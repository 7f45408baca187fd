// What a command is to the program: a function that gives it its arguments, its options and its action.
//
// Before this file comes the session. After it come the commands, and the program, which fills and calls them.
import type { Command } from "commander";
import type { Cli } from "./session.js";

/** Runs the work of a command and keeps its exit code. */
export type Perform = (work: (cli: Cli) => Promise<number>) => Promise<void>;

/** Gives a command its arguments, its options and its action. */
export type Define = (command: Command, perform: Perform) => void;
