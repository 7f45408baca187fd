// The one script of the dashboard. Without it every page reads and acts; with it times are the reader's own, and pages live.
//
// Living is asking for the same page again and changing what differs, in place: nothing is inserted above what is read, no
// order changes under the pointer, and what somebody has opened, ticked or typed stays. New runs are counted and wait.
//
// Before this file comes a page. After it comes whoever reads it.

const pad = (/** @type {number} */ number) => String(number).padStart(2, "0");

// ── Times ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** How far the store's clock is ahead of this machine's, in milliseconds. */
let ahead = 0;
const now = () => Date.now() + ahead;

/** @param {Date} at */
const day = (at) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
/** @param {Date} at */
const minute = (at) => `${pad(at.getHours())}:${pad(at.getMinutes())}`;
/** @param {Date} at */
const second = (at) => `${minute(at)}:${pad(at.getSeconds())}`;

/** @type {Record<string, (at: Date) => string>} */
const forms = {
  minute,
  second,
  tenth: (at) => `${second(at)}.${Math.floor(at.getMilliseconds() / 100)}`,
  day: (at) => `${day(at)} ${minute(at)}`,
  ago: (at) => {
    const distance = now() - at.getTime();
    return distance >= -500 ? `${roughly(distance)} ago` : `in ${roughly(-distance)}`;
  },
};

/** @param {number} milliseconds */
function roughly(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1000;
  /** @param {number} number @param {string} name */
  const unit = (number, name) => `${number}\u00a0${name}`;
  if (seconds < 0.95) return unit(Number(seconds.toFixed(1)), "s").replace(/^0\u00a0/, "0.0\u00a0");
  if (seconds < 99.5) return unit(Math.round(seconds), "s");
  if (seconds < 99 * 60) return unit(Math.round(seconds / 60), "min");
  if (seconds < 47 * 3600) return unit(Math.round(seconds / 3600), "h");
  return unit(Math.round(seconds / 86400), "d");
}

/** @param {ParentNode} part */
function localTimes(part) {
  for (const time of part.querySelectorAll("time[data-form]")) {
    const at = new Date(time.getAttribute("datetime") ?? "");
    const text = forms[time.getAttribute("data-form") ?? ""]?.(at) ?? "";
    if (time.textContent !== text) time.textContent = text;
    const utc = at.toISOString();
    const title = `${day(at)} ${second(at)} local, ${utc.slice(0, 10)} ${utc.slice(11, 19)} UTC`;
    if (time.getAttribute("title") !== title) time.setAttribute("title", title);
  }
}

const clock = document.querySelector(".live time");

function tick() {
  if (clock !== null) clock.setAttribute("datetime", new Date(now()).toISOString());
  localTimes(document);
}

// ── Changing a page in place ────────────────────────────────────────────────────────────────────────────────────

/**
 * Makes a node what another one is, touching only what differs.
 * @param {Node} old
 * @param {Node} fresh
 */
function become(old, fresh) {
  if (old instanceof Element && fresh instanceof Element && old.tagName === fresh.tagName) {
    becomeElement(old, fresh);
  } else if (old.nodeType === Node.TEXT_NODE && fresh.nodeType === Node.TEXT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
  } else {
    old.parentNode?.replaceChild(document.importNode(fresh, true), old);
  }
}

/** What a person has changed is theirs. */
const personal = new Set(["open", "checked", "value"]);

/**
 * @param {Element} old
 * @param {Element} fresh
 */
function becomeElement(old, fresh) {
  const keeps = /^(INPUT|SELECT|TEXTAREA|DETAILS)$/.test(old.tagName);
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value && !(keeps && personal.has(name))) old.setAttribute(name, value);
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && !(keeps && personal.has(name))) old.removeAttribute(name);
  // A time is written anew every second, by the reader's own clock.
  if (old.tagName === "TIME" || /^(SELECT|TEXTAREA)$/.test(old.tagName)) return;
  if (hasKeys(fresh) || hasKeys(old)) becomeKeyed(old, fresh);
  else becomeChildren(old, [...fresh.childNodes]);
}

/** @param {Element} element */
const hasKeys = (element) => element.firstElementChild?.hasAttribute("data-key") === true;

/**
 * @param {Element} old
 * @param {ChildNode[]} children
 */
function becomeChildren(old, children) {
  children.forEach((child, place) => {
    const known = old.childNodes[place];
    if (known === undefined) old.append(document.importNode(child, true));
    else become(known, child);
  });
  while (old.childNodes.length > children.length) old.lastChild?.remove();
}

/**
 * Rows are who they are, wherever they stand now.
 * @param {Element} old
 * @param {Element} fresh
 */
function becomeKeyed(old, fresh) {
  const known = new Map([...old.children].map((row) => [row.getAttribute("data-key"), row]));
  const rows = [...fresh.children].map((row) => {
    const own = known.get(row.getAttribute("data-key"));
    if (own === undefined) return /** @type {Element} */ (document.importNode(row, true));
    becomeElement(own, row);
    return own;
  });
  const isSame =
    rows.length === old.children.length && rows.every((row, place) => row === old.children[place]);
  if (!isSame) old.replaceChildren(...rows);
}

// ── Living ──────────────────────────────────────────────────────────────────────────────────────────────────────

const every = Number(document.body.dataset.refresh ?? 0);
const live = document.querySelector(".live");
let lastNews = Date.now();

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const told = fresh.querySelector(".live time")?.getAttribute("datetime");
  if (told) ahead = Date.parse(told) - Date.now();
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const name = part.getAttribute("data-live") ?? "";
    if (name === "clock") continue;
    const old = document.querySelector(`[data-live="${CSS.escape(name)}"]`);
    if (old !== null && !isInUse(old)) become(old, part);
  }
  const rows = fresh.querySelector("table[data-rows] tbody");
  if (rows !== null) refreshRows(rows);
  localTimes(document);
  lastNews = Date.now();
  say("");
}

/**
 * A table under the pointer, or with the focus in it, keeps its order: it changes when whoever reads it lets go.
 * @param {Element} part
 */
function isInUse(part) {
  if (part.querySelector("tbody") === null && part.querySelector("form") === null) return false;
  return part.matches(":hover") || part.contains(document.activeElement);
}

/**
 * Runs that are on the page change where they stand; those that no longer fit are dimmed, and new ones counted.
 * @param {Element} fresh
 */
function refreshRows(fresh) {
  const body = document.querySelector("table[data-rows] tbody");
  if (body === null) return;
  const there = new Map([...fresh.children].map((row) => [row.getAttribute("data-key"), row]));
  for (const row of body.children) {
    const now = there.get(row.getAttribute("data-key"));
    if (now !== undefined) becomeElement(row, now);
    row.classList.toggle("gone", now === undefined && there.size < 25);
    there.delete(row.getAttribute("data-key"));
  }
  const first = body.firstElementChild?.getAttribute("data-key") ?? "";
  const newer = [...there.keys()].filter((key) => key !== null && key > first).length;
  const link = document.querySelector("[data-newer]");
  if (!(link instanceof HTMLElement)) return;
  link.hidden = newer === 0;
  link.textContent = `${newer}${newer >= 25 ? "+" : ""} newer ${newer === 1 ? "run" : "runs"}, show ${newer === 1 ? "it" : "them"}`;
}

/** @param {string} text what is wrong; empty: nothing */
function say(text) {
  if (live === null) return;
  live.classList.toggle("lost", text !== "");
  const said = live.querySelector(".said") ?? live.appendChild(document.createElement("span"));
  said.className = "said";
  if (said.textContent !== text) said.textContent = text;
}

/** A page that is dear to make is asked for less often: a tenth of the time at most. */
async function liveOn() {
  const began = Date.now();
  if (!document.hidden) {
    try {
      await refresh();
    } catch (error) {
      const old = Date.now() - lastNews;
      if (old > 5000) say(`updated ${roughly(old)} ago: ${error instanceof Error ? error.message : error}`);
    }
  }
  setTimeout(liveOn, Math.max(every, 10 * (Date.now() - began)));
}

// ── Selecting ───────────────────────────────────────────────────────────────────────────────────────────────────

const boxes = () =>
  /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[name="run"]'));

function countSelected() {
  const said = document.querySelector("[data-selected]");
  const selected = [...boxes()].filter((box) => box.checked).length;
  if (said !== null)
    said.textContent =
      selected === 0 ? "Select runs, or" : `${selected} ${selected === 1 ? "run" : "runs"} selected, or`;
}

document.addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return;
  if (target.hasAttribute("data-all")) for (const box of boxes()) box.checked = target.checked;
  countSelected();
});

// ── Keys ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `/` searches, `j` and `k` go down and up the rows. */
document.addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey) return;
  if (target instanceof HTMLElement && target.matches("input:not([type=checkbox]), select, textarea")) return;
  if (key === "/") {
    const field = document.querySelector('input[type="search"]');
    if (!(field instanceof HTMLElement)) return;
    event.preventDefault();
    field.focus();
  }
  if (key !== "j" && key !== "k") return;
  const names = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("main tbody a.name")]);
  const row = document.activeElement?.closest("tr");
  const place = row ? names.findIndex((name) => row.contains(name)) : -1;
  names[Math.max(0, place + (key === "j" ? 1 : -1))]?.focus();
});

// What was just done is said once, and not again by whoever reloads the page or shares its address.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}

// On a phone the bar is wider than the screen: it begins where the page is.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

const told = clock?.getAttribute("datetime");
if (told) ahead = Date.parse(told) - Date.now();
for (const note of document.querySelectorAll("[data-times]"))
  note.textContent = "Times are local; point at one for UTC.";
tick();
setInterval(tick, 1000);
countSelected();
if (every > 0) setTimeout(liveOn, every);
