// A real Chromium for the tests of the dashboard: the system's own, or the one that CHROMIUM names.
//
// Where there is none the tests say so and are skipped; CI installs one. Pages hear of errors in the console, and of
// anything that the policy of the site has refused: both fail the test that made them.
//
// Before this file comes the stage. After it come the tests.
import { existsSync } from "node:fs";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const candidates = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** Undefined: there is none, and the tests in a browser are skipped. */
export const chromiumPath = candidates.find((path) => path !== undefined && existsSync(path));

export async function launch(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error("There is no Chromium here; CHROMIUM names one.");
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
}

export interface Visit {
  readonly page: Page;
  /** What went wrong in it without anybody asking. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    timezoneId: "Europe/Copenhagen",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return { page, complaints, close: () => context.close() };
}

/** What axe finds against WCAG 2 A and AA, and best practices: one line each. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    type Found = { id: string; nodes: { html: string; failureSummary: string }[] };
    const own = Reflect.get(globalThis, "axe") as {
      run: (options: object) => Promise<{ violations: Found[] }>;
    };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations: found } = await own.run({ runOnly: tags });
    return found.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ html, failureSummary }) => `${html.slice(0, 200)} (${failureSummary})`)
          .join(" | ")}`,
    );
  });
}
