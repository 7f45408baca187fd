import { bottle } from "../right/03-contract.js";

bottle.handle((_input, ctx) => ctx.fail("corked", { cork: 7 })); // the failure declares a text
