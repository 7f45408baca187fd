// The adapter of TypeORM, over node-postgres.
import { DataSource, EntitySchema } from "typeorm";
import { typeorm } from "../../src/with/typeorm.js";
import { describeAdapter, library } from "./suite.js";

const wine = new EntitySchema<{ id: number; name: string }>({
  name: "wine",
  tableName: "wines",
  columns: { id: { type: "int", primary: true, generated: true }, name: { type: "text" } },
});

describeAdapter("TypeORM", async (url) => {
  const dataSource = await new DataSource({ type: "postgres", url, entities: [wine] }).initialize();
  const runner = dataSource.createQueryRunner();
  return library(typeorm(dataSource), {
    transaction: (fn) => dataSource.transaction(fn),
    nested: (manager, fn) => manager.transaction(fn),
    insert: (manager, name) => manager.insert(wine, { name }),
    strangers: {
      "the data source": dataSource,
      "the manager outside of a transaction": dataSource.manager,
      "a query runner's manager before its transaction": runner.manager,
    },
    async close() {
      await runner.release();
      await dataSource.destroy();
    },
  });
});
