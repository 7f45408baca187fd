// Which duckdive this is.
//
// Read from the manifest when somebody asks, so that there is one place that says it.
//
// Before this file comes package.json. After it come `--version` and `doctor`.
import { readFileSync } from "node:fs";

export function version(): string {
  const { version: text }: { version: string } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return text;
}
