import { open } from "duckdive";
import { catalogue } from "../right/02-transactions.js";

open("postgres://localhost/cellar", { jobs: [catalogue] }); // nobody gives it its ctx.tx
