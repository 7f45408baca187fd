// The adapter of postgres.js, with the package `postgres`.
import connect from "postgres";
import { resultOf } from "../../src/with/connection.js";
import { postgres } from "../../src/with/postgres.js";
import { describeAdapter, library } from "./suite.js";

describeAdapter("postgres.js", async (url) => {
  const sql = connect(url, { max: 5, onnotice: () => {}, transform: connect.camel });
  return library(postgres(sql), {
    transaction: (fn) => resultOf((work) => sql.begin(work), fn),
    nested: async (tx, fn) => void (await tx.savepoint((inner) => fn(inner))),
    insert: (tx, name) => tx`insert into wines (name) values (${name})`,
    endedIsTaken: "postgres.js keeps no sign of it on the sql that it gave",
    strangers: { "sql itself": sql },
    // It waits for ever for a connection that was cut while a statement was on its way.
    close: () => sql.end({ timeout: 1 }),
  });
});
