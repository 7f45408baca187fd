import { open } from "duckdive";
import { bottle } from "../right/03-contract.js";

open("sqlite:./cellar.db", { jobs: [bottle] }).work(); // a contract has no handler
