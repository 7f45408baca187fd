// Pictures of every page of the dashboard, light and dark, on a desktop and on a phone, from the seeded store of the tests.
//
// `npm run screenshots` writes them to .cache/screenshots, and with `--docs` the four of the README to docs/pictures. Names
// of pages after it make only those. The clock of the store stands, so a picture changes only when a page does.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createJiti } from "jiti";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("..", import.meta.url));
const jiti = createJiti(import.meta.url);
/** @type {typeof import("../test/web/stage.js")} */
const { stage } = await jiti.import("../test/web/stage.ts");

const candidates = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const executablePath = candidates.find((path) => path !== undefined && existsSync(path));
if (executablePath === undefined) {
  console.error(
    "There is no Chromium here. Install one, or name it: CHROMIUM=/path/to/chromium npm run screenshots",
  );
  process.exit(1);
}

const wanted = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const forDocs = process.argv.includes("--docs");
const folder = join(root, forDocs ? "docs/pictures" : ".cache/screenshots");
mkdirSync(folder, { recursive: true });

// A Thursday in March, in the afternoon.
const now = Date.UTC(2026, 2, 12, 13, 31, 7);
const stages = {
  bad: await stage("bad", { now }),
  calm: await stage("calm", { now }),
  empty: await stage("empty", { now }),
  locked: await stage("empty", { now, token: "a-token-of-the-pictures" }),
};
const { replica, failed, stuck } = stages.bad.seeded;

/** @type {[name: string, scene: keyof typeof stages, path: string][]} */
const pages = [
  ["overview", "bad", "/"],
  ["overview-calm", "calm", "/"],
  ["overview-empty", "empty", "/"],
  ["runs", "bad", "/runs"],
  ["runs-failed", "bad", "/runs?state=failed"],
  ["runs-none", "bad", "/runs?q=nothing+has+this"],
  ["run", "bad", `/runs/${replica}`],
  ["run-failed", "bad", `/runs/${failed}`],
  ["run-stuck", "bad", `/runs/${stuck}`],
  ["run-missing", "bad", "/runs/0195a2c7-6e41-7b60-9d1f-3a58c20ebf61"],
  ["confirm", "bad", "/act?action=retry&all=1&state=failed&job=provision-volume"],
  ["enqueue", "bad", "/enqueue?job=welcome-email"],
  ["failures", "bad", "/failures"],
  ["failures-empty", "empty", "/failures"],
  ["queues", "bad", "/queues"],
  ["queue", "bad", "/queues/snapshots"],
  ["queue-paused", "bad", "/queues/exports"],
  ["schedules", "bad", "/schedules"],
  ["schedules-empty", "empty", "/schedules"],
  ["schedule", "bad", "/schedules/nightly-snapshot"],
  ["batches", "bad", "/batches"],
  ["workers", "bad", "/workers"],
  ["workers-empty", "empty", "/workers"],
  ["sign-in", "locked", "/"],
];
const ofReadme = new Set([
  "overview-light-desktop",
  "run-dark-desktop",
  "runs-failed-light-desktop",
  "overview-dark-phone",
]);
const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

// The face that the pages ask for is the system's own; a server has none that looks like one, so Inter stands in for it.
const fonts = join(root, ".cache", "fonts.conf");
writeFileSync(
  fonts,
  `<?xml version="1.0"?><fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include>
${["system-ui", "sans-serif", "sans", "DejaVu Sans"].map((name) => `<match target="pattern"><test name="family"><string>${name}</string></test><edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>`).join("")}</fontconfig>`,
);
const browser = await chromium.launch({
  env: { ...process.env, FONTCONFIG_FILE: fonts },
  executablePath,
  args: ["--no-sandbox", "--font-render-hinting=none"],
});
try {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const [size, viewport] of Object.entries(sizes)) {
      const context = await browser.newContext({
        colorScheme,
        viewport,
        timezoneId: "Europe/Copenhagen",
        deviceScaleFactor: 1,
      });
      await context.clock.setFixedTime(now);
      const page = await context.newPage();
      for (const [name, scene, path] of pages) {
        const file = `${name}-${colorScheme}-${size}`;
        if (
          forDocs ? !ofReadme.has(file) : wanted.length > 0 && !wanted.some((word) => file.startsWith(word))
        )
          continue;
        await page.goto(`${stages[scene].url}${path}`, { waitUntil: "load" });
        await page.screenshot({
          path: join(folder, `${file}.png`),
          fullPage: !forDocs || (size === "desktop" && !name.startsWith("runs")),
        });
        console.log(join(folder, `${file}.png`));
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  for (const one of Object.values(stages)) await one.close();
}
