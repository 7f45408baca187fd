import { job } from "duckdive";

job({ name: "x", unique: { for: "15m", while: ["ready"] }, handle() {} });
