import { bottle } from "../right/03-contract.js";

bottle.handle(async () => ({ shelf: "left", bottles: "six", sealedAt: 0 })); // bottles is a number
