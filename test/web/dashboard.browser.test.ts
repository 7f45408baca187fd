// What people do with the dashboard, done in a real browser: find what fails, understand why, mend it; with a mouse, with
// the keys alone, without a script, in each theme and on a phone.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, launch, type Visit, violations, visit } from "./browser.js";
import { type Scene, type Stage, stage } from "./stage.js";

let browser: Browser;

describe.skipIf(chromiumPath === undefined)(
  "the dashboard in Chromium (CHROMIUM names one where there is none)",
  () => {
    beforeAll(async () => {
      browser = await launch();
    });
    afterAll(async () => {
      await browser.close();
    });

    /** On a stage of its own, since tests change what is there. */
    async function on(
      scene: Scene,
      play: (visit: Visit & { readonly stage: Stage }) => Promise<void>,
      options: Parameters<typeof visit>[1] = {},
    ): Promise<void> {
      const set = await stage(scene);
      const own = await visit(browser, options);
      try {
        await play({ ...own, stage: set });
        expect(own.complaints.filter((text) => !text.includes("404 (Not Found)"))).toEqual([]);
      } finally {
        await own.close();
        await set.close();
      }
    }

    test("five things that are wrong are five plain sentences, each with a link to where it is mended", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(set.url);
        const text = (await page.locator("main").innerText()).replace(/\s+/g, " ");
        const sentences = [
          /The oldest run in snapshots has waited 14 min 12 s\. Its usual wait is under 20 s\./,
          /\d+ runs of provision-volume failed in the last hour; a usual hour has 1\./,
          /The worker vol-1\/812 died 4 min ago: killed by SIGKILL/,
          /The queue exports is paused\. 18 runs wait in it\./,
          /The run \w{4} of close-month has been held up for 41 min\. It waits because lock "ledger-2026-02" is held by run/,
        ];
        for (const sentence of sentences) expect(text).toMatch(sentence);
        const links = [
          "Open snapshots",
          "Open this failure",
          "Open workers",
          "Resume exports",
          "Open this run",
        ];
        for (const name of links) {
          const address = await page.getByRole("link", { name }).first().getAttribute("href");
          const answer = await page.request.get(`${set.url}${address}`);
          expect([name, answer.status()]).toEqual([name, 200]);
        }
      });
    });

    test("when nothing is wrong the first sentence says so, and no colour of trouble is on the page", async () => {
      await on("calm", async ({ page, stage: set }) => {
        await page.goto(set.url);
        expect(await page.locator("h1").innerText()).toBe(
          "All is well. Every queue is on time and nothing needs you.",
        );
        expect(await page.locator(".facts3 .bad, .facts3 .late, .over, .st.failed").count()).toBe(0);
      });
    });

    test("a failing job is found, understood and retried", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(set.url);
        await page.getByRole("link", { name: "Open this failure" }).click();
        await page.locator("tbody a.name").first().click();
        expect(await page.locator(".err").first().innerText()).toContain(
          "PoolFullError pool eu-2b has no free extents",
        );
        expect(await page.locator(".stack .own").first().innerText()).toBe(
          "reserveExtents src/volumes/pool.ts:88:11",
        );
        expect(await page.getByText("because of").first().innerText()).toContain(
          "control plane answered 507",
        );
        await page.getByRole("button", { name: "Retry" }).click();
        expect(await page.getByRole("status").innerText()).toBe("1 run was retried.");
        expect(await page.locator(".lead").innerText()).toContain("Ready");
        const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
        expect((await set.duckdive.get(id))?.state).toBe("ready");
      });
    });

    test("a whole group of failures is retried, after it was counted", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(`${set.url}/failures`);
        await page.getByRole("link", { name: /Retry 19/ }).click();
        expect(await page.locator("h1").innerText()).toBe("Retry 19 runs?");
        expect(await set.duckdive.count({ state: "failed", job: "provision-volume" })).toBe(19);
        await page.getByRole("button", { name: "Retry 19" }).click();
        expect(await page.getByRole("status").innerText()).toBe("19 runs were retried.");
        expect(await set.duckdive.count({ state: "failed", job: "provision-volume" })).toBe(0);
      });
    });

    test("a run that is held up is explained, with a way to whoever holds it up", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(`${set.url}/runs/${set.seeded.stuck}`);
        expect(await page.locator("#why").innerText()).toBe("Why is this run not running?");
        const said = page.locator(".explain ol");
        expect(await said.innerText()).toContain('lock "ledger-2026-02" is held by run');
        await said.getByRole("link").first().click();
        await page.waitForURL(`**/runs/${set.seeded.holder}`);
        expect((await page.locator(".lead").innerText()).replace(/\s+/g, " ")).toContain(
          "Running for 52 min",
        );
      });
    });

    test("a schedule is paused and resumed", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(`${set.url}/schedules`);
        await page.getByRole("button", { name: "Pause nightly-snapshot" }).click();
        expect(await page.locator(".lead").innerText()).toContain("Paused");
        expect((await set.duckdive.schedule("nightly-snapshot").get())?.state).toBe("paused");
        await page.getByRole("button", { name: "Resume" }).click();
        expect(await page.locator(".lead").innerText()).toContain("It ticks next");
      });
    });

    test("a paused queue is resumed, and its slots are set", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(set.url);
        await page.getByRole("link", { name: "Resume exports" }).click();
        await page.getByRole("button", { name: "Resume" }).click();
        expect(await page.locator(".lead").innerText()).not.toContain("Paused");
        await page.getByLabel("Slots in each worker").fill("3");
        await page.getByRole("button", { name: "Set", exact: true }).click();
        await page.getByText("Each worker has 3 slots for it").waitFor();
        expect((await set.duckdive.queues()).find(({ name }) => name === "exports")).toMatchObject({
          paused: false,
          slots: 3,
        });
      });
    });

    test("a run is asked for by hand, and what is no JSON is said to be none", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(`${set.url}/enqueue?job=welcome-email`);
        await page.getByLabel("Input, as JSON").fill("{nope");
        await page.getByRole("button", { name: "Enqueue" }).click();
        expect(await page.getByRole("alert").innerText()).toContain("The input is no JSON");
        await page.getByLabel("Input, as JSON").fill('{"userId":7}');
        await page.getByRole("button", { name: "Enqueue" }).click();
        await page.waitForURL("**/runs/*");
        expect(await page.locator(".json").first().innerText()).toContain("userId: 7");
      });
    });

    test("a page lives: a run ends while it is looked at, new runs are counted and wait, and nothing jumps", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(`${set.url}/runs`);
        await page.evaluate(`
          globalThis.shifts = [];
          new PerformanceObserver((list) => {
            for (const { value } of list.getEntries()) shifts.push(value);
          }).observe({ type: "layout-shift", buffered: true });
        `);
        const first = await page.locator("tbody tr").first().getAttribute("data-key");
        await set.clock.advance(1_000);
        const { run } =
          (await set.duckdive.enqueueByName([{ job: "welcome-email", input: { userId: 1 } }]))[0] ?? {};
        await page.getByText("1 newer run, show it").waitFor();
        expect(await page.locator("tbody tr").first().getAttribute("data-key")).toBe(first);
        await set.duckdive.cancel(first ?? "", "by the test");
        await page.locator("tbody tr").first().getByText("cancelled").waitFor();
        expect(await page.evaluate("shifts")).toEqual([]);
        await page.getByText("1 newer run, show it").click();
        await page.waitForLoadState();
        expect(await page.locator("tbody tr").first().getAttribute("data-key")).toBe(run?.id);
      });
    });

    test("what somebody has ticked, opened or typed stays while the page lives", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(`${set.url}/runs?state=failed`);
        const box = page.locator('tbody input[type="checkbox"]').nth(2);
        await box.check();
        await page.getByRole("searchbox").fill("eu-2b");
        const answered = page.waitForResponse((answer) => answer.url().includes("/runs?state=failed"));
        await answered;
        expect(await box.isChecked()).toBe(true);
        expect(await page.getByRole("searchbox").inputValue()).toBe("eu-2b");
        expect(await page.locator("[data-selected]").innerText()).toBe("1 run selected, or");
      });
    });

    test("all of it is done with the keys alone", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(`${set.url}/runs`);
        await page.keyboard.press("Tab");
        expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to content");
        await page.keyboard.press("/");
        await page.keyboard.type("eu-2b");
        await page.keyboard.press("Enter");
        await page.waitForURL("**/runs?q=eu-2b*");
        await page.keyboard.press("j");
        await page.keyboard.press("j");
        await page.keyboard.press("k");
        const name = await page.evaluate("document.activeElement.closest('tr').dataset.key");
        await page.keyboard.press("Enter");
        await page.waitForURL(`**/runs/${name}`);
        await page.goto(`${set.url}/runs/${set.seeded.failed}`);
        for (
          let presses = 0;
          presses < 20 && !(await page.evaluate("document.activeElement.value === 'retry'"));
          presses++
        )
          await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        expect(await page.getByRole("status").innerText()).toBe("1 run was retried.");
      });
    });

    test("without a script it reads and acts", async () => {
      await on(
        "bad",
        async ({ page, stage: set }) => {
          await page.goto(set.url);
          expect(await page.locator("h1").innerText()).toContain("Snapshots is late");
          expect(await page.locator("[data-times]").innerText()).toBe("Times are UTC.");
          await page.goto(`${set.url}/runs`);
          await page.getByRole("checkbox", { name: "failed" }).check({ force: true });
          await page.getByLabel("Job", { exact: true }).selectOption("provision-volume");
          await page.getByRole("button", { name: "Filter" }).click();
          expect(new URL(page.url()).search).toContain("state=failed");
          for (const place of [0, 1]) await page.locator('tbody input[type="checkbox"]').nth(place).check();
          await page.getByRole("button", { name: "Retry…" }).click();
          expect(await page.locator("h1").innerText()).toBe("Retry 2 runs?");
          await page.getByRole("button", { name: "Retry 2" }).click();
          expect(await page.getByRole("status").innerText()).toBe("2 runs were retried.");
          await page.getByText("As a table").first().isVisible();
          await page.getByRole("link", { name: "dark" }).click();
          expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
        },
        { javaScriptEnabled: false },
      );
    });

    test("somebody who may look sees no way to act, and is refused when trying", async () => {
      const set = await stage("bad", { token: "a-token-to-operate", readToken: "a-token-to-look-at" });
      const { page, close } = await visit(browser);
      try {
        await page.goto(`${set.url}/queues/exports`);
        await page.getByLabel("Token").fill("a-wrong-token-of-mine");
        await page.getByRole("button", { name: "Sign in" }).click();
        expect(await page.getByRole("alert").innerText()).toContain("not the right one");
        await page.getByLabel("Token").fill("a-token-to-look-at");
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.waitForURL("**/queues/exports");
        expect(await page.getByRole("button", { name: /Resume|Pause|Set/ }).count()).toBe(0);
        const answer = await page.request.post(`${set.url}/queues/exports`, { form: { action: "resume" } });
        expect(answer.status()).toBe(403);
        await page.getByRole("button", { name: "Sign out" }).click();
        await page.waitForURL("**/sign-in");
      } finally {
        await close();
        await set.close();
      }
    });

    const paths = [
      "/",
      "/runs",
      "/failures",
      "/queues",
      "/queues/snapshots",
      "/queues/exports",
      "/schedules",
      "/schedules/nightly-snapshot",
      "/batches",
      "/workers",
      "/enqueue",
      "/act?action=delete&all=1&state=failed",
      "/nowhere",
    ];

    test.each(["light", "dark"] as const)(
      "axe finds nothing against WCAG AA on any page, %s, wide or narrow",
      { timeout: 120_000 },
      async (colorScheme) => {
        await on(
          "bad",
          async ({ page, stage: set }) => {
            const { replica, failed, stuck } = set.seeded;
            for (const path of [...paths, `/runs/${replica}`, `/runs/${failed}`, `/runs/${stuck}`]) {
              await page.setViewportSize(
                path.length % 2 === 0 ? { width: 390, height: 844 } : { width: 1280, height: 900 },
              );
              await page.goto(`${set.url}${path}`);
              expect([path, await violations(page)]).toEqual([path, []]);
            }
          },
          { colorScheme },
        );
      },
    );

    test("axe finds nothing on pages with nothing in them, and on the one to sign in", {
      timeout: 60_000,
    }, async () => {
      await on("empty", async ({ page, stage: set }) => {
        for (const path of ["/", "/runs", "/failures", "/queues", "/schedules", "/batches", "/workers"]) {
          await page.goto(`${set.url}${path}`);
          expect([path, await violations(page)]).toEqual([path, []]);
          expect([path, await page.locator(".empty").count()]).not.toEqual([path, 0]);
        }
      });
      const locked = await stage("empty", { token: "a-token-of-the-tests" });
      const { page, close } = await visit(browser);
      await page.goto(locked.url);
      expect(await violations(page)).toEqual([]);
      await close();
      await locked.close();
    });

    test("no page is wider than a phone", async () => {
      await on(
        "bad",
        async ({ page, stage: set }) => {
          for (const path of [...paths.slice(0, -1), `/runs/${set.seeded.replica}`]) {
            await page.goto(`${set.url}${path}`);
            const wide = await page.evaluate(
              "document.documentElement.scrollWidth - document.documentElement.clientWidth",
            );
            expect([path, Number(wide) <= 0]).toEqual([path, true]);
          }
        },
        { viewport: { width: 380, height: 800 } },
      );
    });

    test("times are the reader's own, with UTC on them", async () => {
      await on("bad", async ({ page, stage: set }) => {
        await page.goto(`${set.url}/runs/${set.seeded.replica}`);
        const time = page.locator(".kv time").first();
        const at = new Date((await time.getAttribute("datetime")) ?? "");
        const here = new Intl.DateTimeFormat("en-GB", {
          timeZone: "Europe/Copenhagen",
          hour: "2-digit",
          minute: "2-digit",
        }).format(at);
        expect(await time.innerText()).toContain(here);
        expect(await time.getAttribute("title")).toMatch(/local, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
      });
    });

    test("with forced colours the marks of charts are still to be told apart, and print has no bar", async () => {
      await on(
        "bad",
        async ({ page, stage: set }) => {
          await page.goto(set.url);
          const fillOf = (name: string) =>
            page.evaluate(`getComputedStyle(document.querySelector(".chart ${name}")).fill`);
          const fills = [await fillOf(".mass"), await fillOf(".fail")];
          expect(fills[0]).not.toBe(fills[1]);
          await page.emulateMedia({ media: "print" });
          expect(await page.locator(".nav").isVisible()).toBe(false);
          expect(await page.locator("h1").isVisible()).toBe(true);
        },
        { forcedColors: "active" },
      );
    });
  },
);
