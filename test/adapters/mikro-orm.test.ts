// The adapter of MikroORM, over its PostgreSQL driver.
import { EntitySchema, MikroORM } from "@mikro-orm/postgresql";
import { mikroOrm } from "../../src/with/mikro-orm.js";
import { describeAdapter, library } from "./suite.js";

interface Wine {
  id: number;
  name: string;
}
const wine = new EntitySchema<Wine>({
  name: "Wine",
  tableName: "wines",
  properties: { id: { type: "integer", primary: true, autoincrement: true }, name: { type: "text" } },
});

describeAdapter("MikroORM", async (url) => {
  const orm = await MikroORM.init({
    clientUrl: url,
    entities: [wine],
    debug: false,
    discovery: { warnWhenNoEntities: false },
  });
  return library(mikroOrm(orm), {
    transaction: (fn) => orm.em.fork().transactional(fn),
    nested: (em, fn) => em.transactional(fn),
    insert: (em, name) => em.insert(wine, { name }),
    strangers: { "the ORM": orm, "an entity manager without a transaction": orm.em.fork() },
    close: () => orm.close(),
  });
});
