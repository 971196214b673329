// Prevents jumps. Decides whether a change is shown at once or waits for the reader, and keeps the
// text being read in its place.

on("animationend", ({ animationName, target }) => {
  if (animationName === "arrive") delete target.dataset.fresh;
});

/** Hidden elements that wait to be shown, oldest first, and waiting changes by their element. */
const arrivals = new Set();
const changes = new Map();
/** The most waiting elements. With more, the page is fetched when the reader asks for them. */
const MAX_WAITING = 100;
/** A list with more items leaves those far from the view out of the layout. */
const LONG = 200;
let overflow = false;
/** Finds the item to focus, while the page is fetched because its reader asked for more items than
 *  can wait. */
let asked = null;
/** True while that page is shown: its items do not wait. */
let isShowingAll = false;

/** The positions of elements at the start of a burst of events. Nothing in view moves, so measuring
 *  once is enough: each measurement after a change costs a layout of the page. */
let places = new WeakMap();

function placeOf(element) {
  if (!places.has(element)) places.set(element, boxOf(element));
  return places.get(element);
}

let debt = 0;

/** Makes a change above or in the view, and keeps the text being read where it is. */
function keepingPlace(change) {
  const root = document.documentElement;
  const anchor = anchorOf();
  const before = anchor && boxOf(anchor).top - debt;
  // Browsers with scroll anchoring would adjust twice.
  root.style.overflowAnchor = "none";
  change();
  if (anchor?.isConnected) {
    scrollBy({ top: boxOf(anchor).top - before, behavior: "instant" });
    // A browser scrolls by whole pixels; the fractions of many changes add up.
    debt = boxOf(anchor).top - before;
    if (Math.abs(debt) >= 1) debt = 0;
  }
  requestAnimationFrame(() => (root.style.overflowAnchor = ""));
}

/** The element that the reader looks at: the focused one, or the first block in view. */
function anchorOf() {
  const focused = document.activeElement;
  if (focused?.closest("main") && focused.id !== "main" && isInView(focused)) return focused;
  const list = listOfPage() ?? byId("held");
  const text = one("article.post .prose");
  const blocks = [one("main h1"), firstBelowTop(text), byId("comments-title"), firstBelowTop(list)];
  const first = blocks.find((block) => block && boxOf(block).bottom > 0);
  return first && boxOf(first).top < innerHeight ? first : null;
}

/** The first child that is not above the view. Children follow each other down the page, so that a
 *  few measurements find it. */
function firstBelowTop(parent) {
  const children = [...parent?.children ?? []].filter(({ dataset }) => !("waiting" in dataset));
  let [low, high] = [0, children.length];
  while (low < high) {
    let middle = (low + high) >> 1;
    const next = middle + 1;
    // A hidden child has no place.
    while (middle > low && !children[middle].getClientRects().length) middle -= 1;
    if (boxOf(children[middle]).bottom > 0) high = middle;
    else low = next;
  }
  return children[low];
}

function isInView(element) {
  const { top, bottom } = boxOf(element);
  return bottom > 0 && top < innerHeight;
}

/** An element next to a list: the links to its other pages, or the line that says it is empty. */
const beside = (list, selector) =>
  ["start", "rest"].map((end) => byId(`${list.id}-${end}`)?.querySelector(selector)).find(Boolean);

/** Shows an item that has arrived, and removes the line that says that its list is empty. */
function show(item) {
  item.dataset.fresh = "";
  beside(item.parentElement, ".empty")?.remove();
}

/** Inserts an item into a list. An item that would move anything in view waits for the reader. */
function insert(list, item, before) {
  let follows = before;
  while (follows && (!follows.dataset || "waiting" in follows.dataset)) follows = follows.nextSibling;
  const place = follows ? placeOf(follows).top : placeOf(list).bottom;
  // Nothing below an empty list of posts or notes could move.
  const isAlone = kind !== "post" && !one(":scope > :not([data-waiting])", list);
  const add = () => {
    list.insertBefore(item, before);
    // A list from the server is shorter: with estimated heights, Back would miss its place.
    if (list.childElementCount > LONG) list.dataset.long = "";
  };
  // A hidden page may change at its top.
  if (isHidden() && scrollY > 0) keepingPlace(add);
  else add();
  if (isHidden() || isShowingAll || place >= innerHeight || isAlone) {
    show(item);
    // Far from the view, the animation would only take time.
    if (place >= 2 * innerHeight) delete item.dataset.fresh;
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
  if (isHidden() || bottom <= 0) return keepingPlace(change);
  const before = element.cloneNode(true);
  // The place of a deleted element has no text to read.
  const read = "was" in element.dataset ? [] : [...element.children];
  const places = read.map((child) => [child, boxOf(child).top]);
  const isMoved = ([child, top]) => child.isConnected && boxOf(child).top !== top;
  change();
  const now = boxOf(element).height;
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
  const isBelow = !height || top >= innerHeight;
  if (!isBelow && (isHidden() || bottom <= 0)) keepingPlace(() => element.remove());
  else if (isBelow || !text) element.remove();
  else empty(element, text, height);
  count();
}

/** Leaves an empty place with a text in place of an element. */
function empty(element, text, height) {
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
  if (had) focusInPlace(element);
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
  // The line must not contradict the button. It keeps its room until the items are shown.
  const list = listOfPage();
  const line = list && beside(list, ".empty");
  if (line) line.style.visibility = arrivals.size ? "hidden" : "";
  if (text === counted) return;
  counted = text;
  const button = byId("arrivals");
  button.textContent = text;
  button.hidden = !text;
  clearTimeout(announcing);
  if (text) announcing = setTimeout(() => announce(`${text}. Press N to show.`), 1000);
}
let announcing = 0;

/** Shows all waiting items, and returns them. */
function showArrivals() {
  const items = [...arrivals];
  arrivals.clear();
  for (const item of items) {
    delete item.dataset.waiting;
    show(item);
  }
  return items;
}

/** Shows all waiting items and changes. */
function reveal() {
  const items = showArrivals();
  const changed = [...changes];
  changes.clear();
  const first = items[0] ?? changed[0]?.[0];
  for (const [element, change] of changed) {
    element.style.minBlockSize = "";
    change();
  }
  // In a list with the newest first, this is the topmost.
  const shown = kind === "post" ? first : items.reduce((top, item) =>
    top.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_PRECEDING ? item : top, first);
  if (overflow) {
    // The fetched page may have newer items above, and may lack the one that is focused now.
    asked = () => (kind === "post" ? shown : listOfPage()?.firstElementChild);
    refresh();
  }
  overflow = false;
  count();
  if (shown) focusOn(shown);
}

function focusOn(item) {
  item.scrollIntoView({ block: item.offsetHeight > innerHeight ? "start" : "nearest" });
  focusInPlace(one("h2 a", item) ?? one("a", item) ?? item);
}

const focusInPlace = (element) => element.focus({ preventScroll: true });

/** Makes the changes of a fetched page. If the reader asked for it and is still in its list, focuses
 *  its first new item. */
function showFetched(change) {
  const { activeElement } = document;
  const isInList = activeElement === document.body || listOfPage()?.contains(activeElement);
  const find = asked;
  asked = null;
  isShowingAll = find !== null;
  keepingPlace(() => {
    if (isShowingAll) showArrivals();
    change();
  });
  if (isShowingAll) overflow = false;
  isShowingAll = false;
  count();
  const item = isInList && find?.();
  if (item) focusOn(item);
}

byId("arrivals")?.addEventListener("click", reveal);
on("keydown", ({ target, key, ctrlKey, altKey, metaKey }) => {
  const isTyping = target.closest?.("input, textarea, select, [contenteditable]");
  const isPlain = !(ctrlKey || altKey || metaKey);
  if (key?.toLowerCase() === "n" && isPlain && !isTyping && counted) reveal();
});
