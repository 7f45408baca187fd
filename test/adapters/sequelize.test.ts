// The adapter of Sequelize, over node-postgres.
import { DataTypes, Sequelize } from "sequelize";
import { sequelize } from "../../src/with/sequelize.js";
import { describeAdapter, library } from "./suite.js";

describeAdapter("Sequelize", async (url) => {
  const db = new Sequelize(url, { dialect: "postgres", logging: false, pool: { max: 5 } });
  const wines = db.define("wines", { name: DataTypes.TEXT }, { timestamps: false });
  return library(sequelize(db), {
    transaction: (fn) => db.transaction(fn),
    nested: (transaction, fn) => db.transaction({ transaction }, fn),
    insert: (transaction, name) => wines.create({ name }, { transaction }),
    strangers: { "the instance": db, "a model": wines },
    close: () => db.close(),
  });
});
