// The adapter of Knex, over node-postgres.
import connect from "knex";
import { knex } from "../../src/with/knex.js";
import { describeAdapter, library } from "./suite.js";

describeAdapter("Knex", async (url) => {
  const db = connect({ client: "pg", connection: url, pool: { min: 0, max: 5 } });
  return library(knex(db), {
    transaction: (fn) => db.transaction((tx) => fn(tx)),
    nested: (tx, fn) => tx.transaction((inner) => fn(inner)),
    insert: (tx, name) => tx("wines").insert({ name }),
    strangers: { "the instance": db, "a query builder": db("wines") },
    close: () => db.destroy(),
  });
});
