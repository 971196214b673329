// Prevents jumps. Decides whether a change is shown at once or waits for the reader, and keeps the
// text being read in its place.

document.addEventListener("animationend", (event) => {
  if (event.animationName === "arrive") delete event.target.dataset.fresh;
});

/** Hidden elements that wait to be shown, oldest first, and waiting changes by their element. */
const arrivals = new Set();
const changes = new Map();
/** The most waiting elements. With more, the page is fetched when the reader asks for them. */
const MAX_WAITING = 100;
/** A list with more items leaves those far from the view out of the layout. */
const LONG = 200;
let overflow = false;

/** The positions of elements at the start of a burst of events. Nothing in view moves, so measuring
 *  once is enough: each measurement after a change costs a layout of the page. */
let places = new WeakMap();

function placeOf(element) {
  if (!places.has(element)) places.set(element, element.getBoundingClientRect());
  return places.get(element);
}

let debt = 0;

/** Makes a change above or in the view, and keeps the text being read where it is. */
function keepingPlace(change) {
  const root = document.documentElement;
  const anchor = anchorOf();
  const before = anchor?.getBoundingClientRect().top - debt;
  // Browsers with scroll anchoring would adjust twice.
  root.style.overflowAnchor = "none";
  change();
  if (anchor?.isConnected) {
    scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
    // A browser scrolls by whole pixels; the fractions of many changes add up.
    debt = anchor.getBoundingClientRect().top - before;
    if (Math.abs(debt) >= 1) debt = 0;
  }
  requestAnimationFrame(() => root.style.removeProperty("overflow-anchor"));
}

/** The element that the reader looks at: the focused one, or the first block in view. */
function anchorOf() {
  const focused = document.activeElement;
  if (focused?.closest("main") && focused.id !== "main" && isInView(focused)) return focused;
  const list = listOfPage() ?? byId("held");
  const text = document.querySelector("article.post .prose");
  const title = list?.closest(".comments")?.querySelector("h2");
  const blocks = [document.querySelector("main h1"), firstBelowTop(text), title, firstBelowTop(list)];
  const first = blocks.find((block) => block?.getBoundingClientRect().bottom > 0);
  return first?.getBoundingClientRect().top < innerHeight ? first : null;
}

/** The first child that is not above the view. Children follow each other down the page, so that a
 *  few measurements find it. */
function firstBelowTop(parent) {
  const all = [...parent?.children ?? []].filter(({ dataset }) => !("waiting" in dataset));
  let [low, high] = [0, all.length];
  while (low < high) {
    let middle = (low + high) >> 1;
    const next = middle + 1;
    // A hidden child has no place.
    while (middle > low && !all[middle].getClientRects().length) middle -= 1;
    if (all[middle].getBoundingClientRect().bottom > 0) high = middle;
    else low = next;
  }
  return all[low];
}

function isInView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

/** An element next to a list: the links to its other pages, or the line that says it is empty. */
const beside = (list, selector) =>
  ["start", "rest"].map((end) => byId(`${list.id}-${end}`)?.querySelector(selector)).find(Boolean);

/** Removes the line that says that the list is empty. */
function fill(list) {
  beside(list, ".empty")?.remove();
}

/** Inserts an item into a list. An item that would move anything in view waits for the reader. */
function insert(list, item, before) {
  let follows = before;
  while (follows && (!follows.dataset || "waiting" in follows.dataset)) follows = follows.nextSibling;
  const place = follows ? placeOf(follows).top : placeOf(list).bottom;
  // Nothing below an empty list of posts or notes could move.
  const isAlone = list.id !== "comments" && !list.querySelector(":scope > :not([data-waiting])");
  const add = () => {
    list.insertBefore(item, before ?? null);
    // A list from the server is shorter: with estimated heights, Back would miss its place.
    if (list.childElementCount > LONG) list.dataset.long = "";
  };
  // A hidden page may change at its top.
  if (document.hidden && scrollY > 0) keepingPlace(add);
  else add();
  if (document.hidden || place >= innerHeight || isAlone) {
    // Far from the view, the animation would only take time.
    if (place < 2 * innerHeight) item.dataset.fresh = "";
    fill(list);
  } else {
    item.dataset.waiting = "";
    arrivals.add(item);
    if (arrivals.size > MAX_WAITING) {
      overflow = true;
      withdraw(item);
    }
  }
  count();
}

/** Changes an element in place. A change that moves anything in view waits. */
function changeInPlace(element, change) {
  if (isEdited(element)) return change();
  const { top, bottom, height } = placeOf(element);
  if ("waiting" in element.dataset || top >= innerHeight) return change();
  if (document.hidden || bottom <= 0) return keepingPlace(change);
  const before = element.cloneNode(true);
  // The place of a deleted element has no text to read.
  const read = "was" in element.dataset ? [] : [...element.children];
  const places = read.map((child) => [child, child.getBoundingClientRect().top]);
  const isMoved = ([child, top]) => child.isConnected && child.getBoundingClientRect().top !== top;
  change();
  const now = element.getBoundingClientRect().height;
  changes.delete(element);
  if (places.some(isMoved) || (now > height && bottom < innerHeight)) {
    merge(element, before);
    changes.set(element, change);
  } else if (now < height) {
    element.style.minBlockSize = `${height}px`;
  }
  count();
}

/** The places that deleted elements have left, by their ids. */
const withdrawn = new Map();

/** Removes a deleted element at once. In view it leaves an empty place. */
function withdraw(element, text) {
  if (isEdited(element)) return void element.dispatchEvent(new Event("withdrawn"));
  arrivals.delete(element);
  changes.delete(element);
  const { top, bottom, height } = placeOf(element);
  if (!height || top >= innerHeight) {
    element.remove();
  } else if (document.hidden || bottom <= 0) {
    keepingPlace(() => element.remove());
  } else if (text) {
    const had = element.contains(document.activeElement);
    const note = document.createElement("p");
    note.textContent = text;
    element.dataset.was = element.id;
    withdrawn.set(element.id, element);
    element.removeAttribute("id");
    element.replaceChildren(note);
    element.classList.add("gone");
    element.style.minBlockSize = `${height}px`;
    element.tabIndex = -1;
    if (had) element.focus({ preventScroll: true });
  } else {
    element.remove();
  }
  count();
}

const words = { posts: "post", post: "comment", notes: "note", moderation: "comment" };
const several = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
let counted = "";

/** Shows the number of waiting items and changes on the button. */
function count() {
  const parts = [];
  if (overflow) parts.push(`More than ${MAX_WAITING} new ${words[kind]}s`);
  else if (arrivals.size) parts.push(several(arrivals.size, `new ${words[kind]}`));
  if (changes.size) parts.push(several(changes.size, "change"));
  const text = parts.join(", ");
  if (text === counted) return;
  counted = text;
  const button = byId("arrivals");
  button.textContent = text;
  button.hidden = !text;
  clearTimeout(announcing);
  if (text) announcing = setTimeout(() => announce(`${text}. Press N to show.`), 1000);
}
let announcing = 0;

/** Shows all waiting items and changes. */
function reveal() {
  const items = [...arrivals];
  const changed = [...changes];
  const first = items[0] ?? changed[0]?.[0];
  arrivals.clear();
  changes.clear();
  for (const item of items) {
    delete item.dataset.waiting;
    item.dataset.fresh = "";
    fill(item.parentElement);
  }
  for (const [element, change] of changed) {
    element.style.removeProperty("min-block-size");
    change();
  }
  if (overflow) refresh();
  overflow = false;
  count();
  // In a list with the newest first, this is the topmost.
  const shown = kind === "post" ? first : items.reduce((one, other) =>
    one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_PRECEDING ? other : one, first);
  if (!shown) return;
  shown.scrollIntoView({ block: shown.offsetHeight > innerHeight ? "start" : "nearest" });
  const target = shown.querySelector("h2 a") ?? shown.querySelector("a") ?? shown;
  target.focus({ preventScroll: true });
}

byId("arrivals")?.addEventListener("click", reveal);
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  const isPlain = !event.ctrlKey && !event.altKey && !event.metaKey;
  if (event.key?.toLowerCase() === "n" && isPlain && !isTyping && counted) reveal();
});
