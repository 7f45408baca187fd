import { job } from "duckdive";

job({ name: "x", timeout: "20 seconds", handle() {} }); // "20s"
