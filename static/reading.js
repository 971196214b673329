// Comforts for readers: times in their own time zone, a button that copies code, and marks on what is
// new since their last visit. The page is whole without it. Elements that are put on the page later are treated in the same way.

const EXACT = { dateStyle: "long", timeStyle: "short" };
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The pages are in English; a reader of English has dates in their own way. */
const language = navigator.languages.find((name) => /^en\b/.test(name)) ?? "en-GB";
const exact = new Intl.DateTimeFormat(language, EXACT);
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

/** The days from one time to another, by the reader's calendar. */
function daysBetween(then, now) {
  const start = (time) => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((start(now) - start(then)) / 1000 / DAY);
}

/** A time in words: recent ones by their distance. */
function words(then, now) {
  const seconds = (now - then) / 1000;
  if (seconds >= 0 && seconds < MINUTE) return "just now";
  if (seconds >= 0 && seconds < HOUR) return relative.format(-Math.floor(seconds / MINUTE), "minute");
  if (seconds >= 0 && seconds < 12 * HOUR) return relative.format(-Math.floor(seconds / HOUR), "hour");
  const days = daysBetween(then, now);
  if (days === 0 || days === 1) return `${relative.format(-days, "day")} at ${clock.format(then)}`;
  return exact.format(then);
}

/** Has the times in an element say what they are to the reader. */
export function localize(root = document) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[datetime]:not([data-day])")) {
    const then = Date.parse(time.dateTime);
    if (Number.isNaN(then)) continue;
    const text = words(then, now);
    // A change that is none would be noticed, and looked at again.
    if (time.textContent !== text) time.textContent = text;
  }
}

// ---- Code ----------------------------------------------------------------------------------

const SHOWN = 2000;
const status = document.getElementById("announcer");

/** Gives code in an element a button that copies it, where the browser lets pages do so. */
function addButtons(root) {
  if (!navigator.clipboard) return;
  for (const code of root.querySelectorAll(".prose pre > code")) {
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
  status.textContent = told;
  setTimeout(() => {
    button.textContent = "Copy";
    status.textContent = "";
  }, SHOWN);
});

// ---- What is new since the last visit ------------------------------------------------------

const page = document.body.dataset;
const isFront = page.live === "posts" && "first" in page && page.status === "published" && !page.tag && !page.author;
/** The list: the front page, or a post's thread. */
const place = isFront ? "front" : page.live === "post" ? page.post : null;
const SEEN = `kilonova-seen${page.root}`;
const MOST_PLACES = 200;

const items = () => [...document.querySelectorAll(":is(#posts, #comments) > [id]:not([data-waiting])")];
const rank = (item) => (isFront ? Date.parse(item.querySelector("time").dateTime) : Number(item.id.slice("comment-".length)));

/** The highest rank that was seen in each place, the place that was left last at the end. */
function readSeen() {
  try {
    return new Map(JSON.parse(localStorage.getItem(SEEN)));
  } catch {
    return new Map();
  }
}

function remember() {
  const seen = readSeen();
  const newest = Math.max(seen.get(place) ?? 0, ...items().map(rank));
  seen.delete(place);
  seen.set(place, newest);
  for (const old of [...seen.keys()].slice(0, -MOST_PLACES)) seen.delete(old);
  try {
    localStorage.setItem(SEEN, JSON.stringify([...seen]));
  } catch {
    // A private window keeps nothing.
  }
}

if (place) {
  const before = readSeen().get(place) ?? Infinity;
  for (const item of items()) {
    // The reader's own comment leads to itself.
    if (rank(item) > before && location.hash !== `#${item.id}`) item.dataset.new = "";
  }
  addEventListener("pagehide", remember);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && remember());
}

// ---- The page, now and later ---------------------------------------------------------------

function treat() {
  localize();
  addButtons(document);
}

treat();
new MutationObserver(treat).observe(document.getElementById("main"), {
  subtree: true, childList: true, characterData: true,
});
setInterval(() => document.visibilityState === "visible" && localize(), MINUTE * 1000);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && localize());
