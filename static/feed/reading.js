// Conveniences for readers: times in their time zone, a button that copies code, and marks on items
// that are new since their last visit. Handles elements that are added later too.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The pages are in English; dates follow the reader's variant of English. */
const language = navigator.languages.find((name) => /^en\b/.test(name)) ?? "en-GB";
const exact = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

/** The start of a time's day, in the reader's time zone. */
const startOfDay = (time) => new Date(time).setHours(0, 0, 0, 0);

/** A time in words; recent times are relative. */
function inWords(then, now) {
  const seconds = (now - then) / 1000;
  const ago = (size, unit) => relative.format(-Math.floor(seconds / size), unit);
  if (seconds >= 0) {
    if (seconds < MINUTE) return "just now";
    if (seconds < HOUR) return ago(MINUTE, "minute");
    if (seconds < 12 * HOUR) return ago(HOUR, "hour");
  }
  const days = Math.round((startOfDay(now) - startOfDay(then)) / 1000 / DAY);
  if (days === 0 || days === 1) return `${relative.format(-days, "day")} at ${clock.format(then)}`;
  return exact.format(then);
}

/** The elements that match in an element, including itself. */
const within = (root, selector) =>
  root.matches?.(selector) ? [root, ...all(selector, root)] : all(selector, root);

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

const COPY = '<span class="copy"><button type="button">Copy</button></span>';
const SHOWN = 2000;

/** Adds a copy button to the code in an element, if the browser lets pages copy. Content from the
 *  server gets its buttons before it is compared with the page's. */
function addButtons(root) {
  if (!navigator.clipboard) return;
  for (const code of within(root, ".prose pre > code:not(.copy + code)")) {
    code.insertAdjacentHTML("beforebegin", COPY);
  }
}

on("click", async ({ target }) => {
  const button = target.closest?.(".copy button");
  if (!button) return;
  let told = "Copied";
  try {
    await navigator.clipboard.writeText(one("code", button.closest("pre")).textContent);
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

const isFront = kind === "posts" && "first" in page && page.status === "published" && !page.tag && !page.author;
/** The place of the list: the front page, or a post's thread. */
const visited = isFront ? "front" : kind === "post" ? page.post : null;
const SEEN = `kilonova-seen${page.root}`;
const MOST_PLACES = 200;

/** By time, and by id within a second. */
const rank = (item) =>
  isFront ? 1000 * Date.parse(timeOf(item)) + (numberOf(item) % 1_000_000) : numberOf(item);

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
  on("visibilitychange", () => isHidden() && remember());
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
    for (const node of [changed, ...addedNodes]) if (node?.matches) elements.add(node);
  }
  return elements;
}

treat(document);
new MutationObserver((changes) => touched(changes).forEach(treat)).observe(byId("main"), {
  subtree: true, childList: true, characterData: true,
});
const relocalize = () => isHidden() || localize();
setInterval(relocalize, MINUTE * 1000);
on("visibilitychange", relocalize);
