// cspell:ignore backof -- misspelled on purpose
import { job } from "duckdive";

job({ name: "x", retry: { attempts: 3, backof: "fixed" }, handle() {} });
