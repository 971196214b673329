// Conveniences for readers: times in their time zone, a button that copies code, and marks on items
// that are new since their last visit. Handles elements that are added later too.

const EXACT = { dateStyle: "long", timeStyle: "short" };
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The pages are in English; dates follow the reader's variant of English. */
const language = navigator.languages.find((name) => /^en\b/.test(name)) ?? "en-GB";
const exact = new Intl.DateTimeFormat(language, EXACT);
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

/** The number of calendar days between two times, in the reader's time zone. */
function daysBetween(then, now) {
  const start = (time) => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((start(now) - start(then)) / 1000 / DAY);
}

/** A time in words; recent times are relative. */
function inWords(then, now) {
  const seconds = (now - then) / 1000;
  if (seconds >= 0 && seconds < MINUTE) return "just now";
  if (seconds >= 0 && seconds < HOUR) return relative.format(-Math.floor(seconds / MINUTE), "minute");
  if (seconds >= 0 && seconds < 12 * HOUR) return relative.format(-Math.floor(seconds / HOUR), "hour");
  const days = daysBetween(then, now);
  if (days === 0 || days === 1) return `${relative.format(-days, "day")} at ${clock.format(then)}`;
  return exact.format(then);
}

/** The elements that match in an element, including itself. */
const within = (root, selector) =>
  [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)];

/** Converts the times in an element to the reader's time zone. */
function localize(root = document) {
  const now = Date.now();
  for (const time of within(root, "time[datetime]:not([data-day])")) {
    const then = Date.parse(time.dateTime);
    if (Number.isNaN(then)) continue;
    const text = inWords(then, now);
    // Setting an equal text would trigger the observer again.
    if (time.textContent !== text) time.textContent = text;
  }
}

// ---- Code ----------------------------------------------------------------------------------

const SHOWN = 2000;

/** Adds a copy button to the code in an element, if the browser lets pages copy. */
function addButtons(root) {
  if (!navigator.clipboard) return;
  for (const code of within(root, ".prose pre > code")) {
    if (code.parentNode.querySelector(".copy")) continue;
    const place = document.createElement("span");
    const button = document.createElement("button");
    place.className = "copy";
    button.type = "button";
    button.textContent = "Copy";
    place.append(button);
    code.before(place);
  }
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.(".copy button");
  if (!button) return;
  const code = button.closest("pre").querySelector("code");
  let told = "Copied";
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    told = "Not copied";
  }
  button.textContent = told;
  announce(told);
  setTimeout(() => {
    button.textContent = "Copy";
    announce("");
  }, SHOWN);
});

// ---- New since the last visit --------------------------------------------------------------

const isFront = page.live === "posts" && "first" in page && page.status === "published" && !page.tag && !page.author;
/** The place of the list: the front page, or a post's thread. */
const visited = isFront ? "front" : page.live === "post" ? page.post : null;
const SEEN = `kilonova-seen${page.root}`;
const MOST_PLACES = 200;

const listed = () => [...document.querySelectorAll(":is(#posts, #comments) > [id]:not([data-waiting])")];
/** By time, and by id within a second. */
const rank = (item) => {
  const id = Number(item.id.replace(/\D+/, ""));
  return isFront ? 1000 * Date.parse(item.querySelector("time").dateTime) + (id % 1_000_000) : id;
};

/** The highest rank seen in each place; the place that was visited last is at the end. */
function readSeen() {
  try {
    return new Map(JSON.parse(localStorage.getItem(SEEN)));
  } catch {
    return new Map();
  }
}

function remember() {
  const seen = readSeen();
  const newest = Math.max(seen.get(visited) ?? 0, ...listed().map(rank));
  seen.delete(visited);
  seen.set(visited, newest);
  for (const old of [...seen.keys()].slice(0, -MOST_PLACES)) seen.delete(old);
  try {
    localStorage.setItem(SEEN, JSON.stringify([...seen]));
  } catch {
    // A private window may have no storage.
  }
}

if (visited) {
  const before = readSeen().get(visited) ?? Infinity;
  for (const item of listed()) {
    // After sending a comment, the reader's own is in the address.
    if (rank(item) > before && location.hash !== `#${item.id}`) item.dataset.new = "";
  }
  addEventListener("pagehide", remember);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && remember());
}

// ---- The page, now and later ---------------------------------------------------------------

function treat(root) {
  localize(root);
  addButtons(root);
}

/** The elements that were added, and the times and code whose content changed. Searching the whole
 *  page for each comment would be slow in a long thread. */
function touched(changes) {
  const elements = new Set();
  for (const { target, addedNodes } of changes) {
    const changed = (target.closest ? target : target.parentElement)?.closest("time, pre");
    if (changed) elements.add(changed);
    for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) elements.add(node);
  }
  return elements;
}

treat(document);
new MutationObserver((changes) => touched(changes).forEach(treat)).observe(byId("main"), {
  subtree: true, childList: true, characterData: true,
});
setInterval(() => document.visibilityState === "visible" && localize(), MINUTE * 1000);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && localize());
