import { expect, test } from "vitest";
import { withoutSecrets } from "./secret.js";

test.each([
  ["postgres://ada:secret@host:5432/app", "postgres://…@host:5432/app"],
  ["postgres://ada:se/cr@t@host/app", "postgres://…@host/app"],
  [
    "postgres://host/app?user=ada&password=secret&ssl=true",
    "postgres://host/app?user=ada&password=…&ssl=true",
  ],
  ["postgres://host/app?sslpassword=secret", "postgres://host/app?sslpassword=…"],
  ["sqlite:./jobs.db", "sqlite:./jobs.db"],
])("%j is shown as %j", (address, shown) => {
  expect(withoutSecrets(address)).toBe(shown);
});
