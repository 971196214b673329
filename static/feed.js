// Keeps an open page true while others write, at the cost of one frame for each event. The server
// lays out what is new once for everybody (`?frame=html`); this script puts it in its place. The
// page itself is fetched again only after a gap in the log, and the text of the open post once when
// it has changed.
//
// Nothing that the reader looks at moves: what would push it away waits behind a button, what is
// deleted leaves its place behind, and an edit keeps the line being read where it is.
//
// <body data-live> says what the page shows and data-source where to fetch it from. An element with
// data-region and an id is kept as the server has it; an element with data-item comes and goes.

import { backoff, follow } from "./client.js";

const page = document.body.dataset;
const kind = page.live;
const ofPosts = ["posts", "comments", "system"];
const ofNotes = ["notes", "system"];
const channels = {
  posts: ofPosts, post: ofPosts, "edit-post": ofPosts,
  moderation: ofPosts, notes: ofNotes, note: ofNotes, "edit-note": ofNotes,
};

// ---- The page ------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);
/** The ids of what was deleted: a page fetched before that must not bring it back. */
const gone = new Set();

function tell(text) {
  const notice = byId("notice");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small quiet";
  button.textContent = "Close";
  button.addEventListener("click", () => (notice.hidden = true));
  notice.replaceChildren(`${text} `, button);
  notice.hidden = false;
}

/** Says something to those who hear the page. */
function announce(text) {
  byId("announcer").textContent = text;
}

/** Says so when the site runs another version than the one that this page is of. When to reload is
 *  the reader's to decide: something may be half written. */
function compare(version) {
  if (version && version !== page.version) byId("version").hidden = false;
}

/** Attributes that the reader or this script changes, and that the server does not know. */
const own = new Set(["open", "data-fresh", "data-waiting"]);

/** Makes `old` equal to `wanted` with as few changes as that takes. */
function merge(old, wanted) {
  if (old.isEqualNode(wanted)) return;
  // Its words are the reader's own.
  if (old.nodeName === "TIME" && old.dateTime === wanted.dateTime) return;
  if (old.nodeName !== wanted.nodeName) return old.replaceWith(document.importNode(wanted, true));
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name) && !own.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value && !own.has(name)) old.setAttribute(name, value);
  }
  if (old.matches(".prose")) mergeText(old, wanted);
  else mergeChildren(old, wanted);
}

function mergeChildren(old, wanted) {
  const staying = new Set([...wanted.children].map((child) => child.id).filter(Boolean));
  for (const child of [...old.children]) {
    if (child.id && !staying.has(child.id)) withdraw(child);
  }
  const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = old.firstChild;
  const drop = () => {
    const next = at.nextSibling;
    at.remove();
    at = next;
  };
  for (const child of wanted.childNodes) {
    let match = null;
    if (child.id) {
      match = known.get(child.id) ?? null;
      while (match && at && at !== match && !at.id) drop();
    } else if (at && !at.id && at.nodeName === child.nodeName) {
      match = at;
    }
    if (!match) {
      const copy = document.importNode(child, true);
      if (copy.dataset && "item" in copy.dataset) insert(old, copy, at);
      else old.insertBefore(copy, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    merge(match, child);
  }
  while (at) drop();
}

/** The same for a text: a paragraph is known by its content, so that one more above it is not taken
 *  for a change of all that follow. */
function mergeText(old, wanted) {
  const before = [...old.children];
  const after = [...wanted.children];
  if (before.length !== old.childElementCount || !after.length) return mergeChildren(old, wanted);
  const texts = before.map((child) => child.outerHTML);
  const places = new Map();
  texts.forEach((text, place) => {
    if (!places.has(text)) places.set(text, []);
    places.get(text).push(place);
  });
  // Of the paragraphs that stay, each is after the one before it.
  let passed = -1;
  const stays = after.map((child) => {
    const place = places.get(child.outerHTML)?.find((place) => place > passed);
    if (place === undefined) return null;
    passed = place;
    return place;
  });
  let next = 0;
  after.forEach((child, index) => {
    const place = stays[index];
    if (place !== null) {
      while (next < place) before[next++].remove();
      next += 1;
      return;
    }
    const limit = stays.slice(index).find((place) => place !== null) ?? before.length;
    const changed = before[next];
    if (next < limit && changed.nodeName === child.nodeName) {
      next += 1;
      merge(changed, child);
    } else {
      old.insertBefore(document.importNode(child, true), before[next] ?? null);
    }
  });
  while (next < before.length) before[next++].remove();
}

document.addEventListener("animationend", (event) => {
  if (event.animationName === "arrive") delete event.target.dataset.fresh;
});

// ---- Nothing jumps -------------------------------------------------------------------------

/** Hidden elements that wait to be shown, oldest first, and changes that wait, by their element. */
const arrivals = new Set();
const changes = new Map();
/** Beyond this number none is kept: the page is fetched when the reader wants to see them. */
const MAX_WAITING = 100;
let overflow = false;

/** Where elements were when a burst of events began to be put on the page. What is in view stays where
 *  it is, so that one look is enough: each look after a change costs a layout of the page. */
let places = new WeakMap();

function placeOf(element) {
  if (!places.has(element)) places.set(element, element.getBoundingClientRect());
  return places.get(element);
}

let debt = 0;

/** Changes something above or in the view, and keeps what is being read where it is. */
function keepingPlace(change) {
  const root = document.documentElement;
  const anchor = anchorOf();
  const before = anchor?.getBoundingClientRect().top - debt;
  // Browsers that do the same by themselves would do it twice.
  root.style.overflowAnchor = "none";
  change();
  if (anchor?.isConnected) {
    scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
    // A browser scrolls by whole pixels; what is left of many changes adds up.
    debt = anchor.getBoundingClientRect().top - before;
    if (Math.abs(debt) >= 1) debt = 0;
  }
  requestAnimationFrame(() => root.style.removeProperty("overflow-anchor"));
}

/** The element that the reader looks at: the one with the focus, or the first whole one in view. */
function anchorOf() {
  const focused = document.activeElement;
  if (focused?.closest("main") && focused.id !== "main" && isInView(focused)) return focused;
  const blocks = document.querySelectorAll("main [data-item], main article.post .prose > *, main h1, main h2");
  for (const block of blocks) {
    const { top, bottom, height } = block.getBoundingClientRect();
    if (height && bottom > 0) return top < innerHeight ? block : null;
  }
  return null;
}

function isInView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

/** An element beside a list: the links to its other pages, or the line that says it is empty. */
const beside = (list, selector) =>
  ["start", "rest"].map((end) => byId(`${list.id}-${end}`)?.querySelector(selector)).find(Boolean);

/** A list that has items does not say that it is empty. */
function fill(list) {
  beside(list, ".empty")?.remove();
}

/** Puts an item into a list. One that would move what is in view waits for its reader. */
function insert(list, item, before) {
  let follows = before;
  while (follows && (!follows.dataset || "waiting" in follows.dataset)) follows = follows.nextSibling;
  const place = follows ? placeOf(follows).top : placeOf(list).bottom;
  // Under an empty list of posts or notes there is nothing that could move.
  const isAlone = list.id !== "comments" && !list.querySelector(":scope > :not([data-waiting])");
  const add = () => list.insertBefore(item, before ?? null);
  // A page that nobody sees may change at its top.
  if (document.hidden && scrollY > 0) keepingPlace(add);
  else add();
  if (document.hidden || place >= innerHeight || isAlone) {
    item.dataset.fresh = "";
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

/** Changes an element in its place. A change that moves something in view waits. */
function changeInPlace(element, change) {
  const { top, bottom, height } = placeOf(element);
  if ("waiting" in element.dataset || top >= innerHeight) return change();
  if (document.hidden || bottom <= 0) return keepingPlace(change);
  const before = element.cloneNode(true);
  const places = [...element.children].map((child) => [child, child.getBoundingClientRect().top]);
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

/** Takes away what was deleted, at once. In view it leaves its place behind. */
function withdraw(element, text) {
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

/** Says on the button how much waits. */
function count() {
  const parts = [];
  if (overflow) parts.push(`more than ${MAX_WAITING} new ${words[kind]}s`);
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

/** Shows all that waits. */
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
  // In a list with the newest first that is the one at the top.
  const shown = kind === "post" ? first : items.reduce((one, other) =>
    one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_PRECEDING ? other : one, first);
  if (!shown) return;
  shown.scrollIntoView({ block: "nearest" });
  const target = shown.querySelector("a") ?? shown;
  target.focus({ preventScroll: true });
}

byId("arrivals")?.addEventListener("click", reveal);
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  const isPlain = !event.ctrlKey && !event.altKey && !event.metaKey;
  if (event.key?.toLowerCase() === "n" && isPlain && !isTyping && counted) reveal();
});

// ---- The page, fetched again ---------------------------------------------------------------

async function load(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" }, cache: "no-cache" });
  if (answer.status === 404 || answer.status === 410) return null;
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** A list stays as long as its reader made it, up to this number of fetched pages. */
const MAX_FOLLOWED = 50;

/** Fetches the further pages of a list, up to the length of the open one. A thread that was read to
 *  its end is fetched to its end. */
async function fetchRest(fresh, list) {
  const wanted = fresh.getElementById(list.id);
  const isWhole = list.id === "comments" && list.childElementCount && isAtEndOfThread();
  const shown = list.querySelectorAll(":scope > [id]:not([data-waiting])").length;
  for (let pages = 0; pages < MAX_FOLLOWED; pages += 1) {
    if (!isWhole && wanted.childElementCount >= shown) return;
    const next = fresh.querySelector(`#${list.id}-rest [rel=next]`);
    const more = next && await load(next.getAttribute("href"));
    if (!more) return;
    wanted.append(...more.getElementById(list.id).children);
    fresh.getElementById(`${list.id}-rest`).replaceWith(more.getElementById(`${list.id}-rest`));
  }
}

/** The frames that have come since a page was asked for, which may not be on it. */
let meanwhile = null;

async function update() {
  meanwhile = [];
  try {
    const fresh = await load(page.source);
    if (!fresh) return tell("This is no longer here.");
    const list = byId({ post: "comments", posts: "posts", notes: "notes" }[kind]);
    if (list) await fetchRest(fresh, list);
    for (const id of gone) fresh.getElementById(id)?.remove();
    places = new WeakMap();
    keepingPlace(() => {
      for (const region of document.querySelectorAll("[data-region]")) {
        const wanted = fresh.getElementById(region.id);
        if (wanted) merge(region, wanted);
      }
    });
    document.title = fresh.title;
    feed.log = fresh.body.dataset.log;
    compare(fresh.body.dataset.version);
    const position = Number(fresh.body.dataset.lastEventId);
    for (const frame of meanwhile) if (frame.id > position) take[kind](frame);
  } finally {
    meanwhile = null;
  }
}

// One fetch at a time, one for all that happened since the last, and not every reader's at once.
const SPREAD = 300;
const PAUSE = 1000;
let stale = false;
let updating = false;
/** The page could not be fetched since it was last known to have changed. */
let behind = false;
/** The node that the connection is to has lost its database, and with it what others write. */
let blind = false;

const current = () => (behind || blind ? "stale" : "live");

async function refresh() {
  stale = true;
  if (updating || !page.source) return;
  updating = true;
  let failures = 0;
  while (stale) {
    await sleep(Math.random() * SPREAD);
    stale = false;
    try {
      await update();
      failures = 0;
      behind = false;
    } catch {
      stale = true;
      failures += 1;
      behind = true;
    }
    if (feed.state === "live") show(current());
    await sleep(failures ? backoff(failures) : PAUSE);
  }
  updating = false;
}

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** The readers of a post ask for its new text at different times. */
const SPREAD_TEXT = 2000;
let wantedText = null;

/** Fetches the text of the open post once, however often it changes meanwhile. */
async function fetchText(digest) {
  const isAsked = wantedText !== null;
  wantedText = digest;
  if (isAsked) return;
  await sleep(Math.random() * SPREAD_TEXT);
  const address = `${page.root}/posts/${page.post}/body?v=${wantedText}`;
  wantedText = null;
  try {
    const fresh = await load(address);
    const article = document.querySelector("article.post");
    const text = fresh?.querySelector(".text");
    if (text && article) keepingPlace(() => merge(article.querySelector(".text"), text));
  } catch {
    refresh();
  }
}

// ---- The events ----------------------------------------------------------------------------

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function isListed(post) {
  return post.status === page.status && (!page.tag || post.tags?.includes(page.tag))
    && (!page.author || String(post.user_id) === page.author);
}

/** Items are in the order of their times, and of their ids within a second. */
function isBefore(one, other) {
  const [first, second] = [one, other].map((item) => item.querySelector("time").dateTime);
  const number = (item) => Number(item.id.replace(/\D+/, ""));
  return first === second ? number(one) < number(other) : first < second;
}

/** Puts a fragment where it belongs in its list: in the place of its older version, or by its time.
 *  An item that belongs to another page of the list is left out. */
function place(list, item, newestFirst) {
  gone.delete(item.id);
  const old = byId(item.id);
  if (old) return changeInPlace(old, () => merge(old, item));
  const isAfter = (other) => isBefore(item, other) !== newestFirst;
  // Most items come at an end.
  const last = list.lastElementChild;
  const isAtEnd = !newestFirst && last?.id && !isAfter(last);
  const items = isAtEnd ? [] : [...list.children].filter((other) => other.id);
  const next = items.find(isAfter);
  if (!next && beside(list, "[rel=next]")) return;
  if (!isAtEnd && next === items[0] && !("first" in page)) return;
  insert(list, item, next ?? null);
}

function isAtEndOfThread() {
  return !beside(byId("comments"), "[rel=next]");
}

/** Adds the controls that a page has for what its reader may change. */
function addMenu(item, name, data, mayAll) {
  const menu = data.state ? `${name}-${data.state}` : name;
  const template = document.querySelector(`template[data-menu="${menu}"]`);
  if (!template) return item;
  const controls = document.importNode(template.content, true);
  const isOwn = data.user_id === undefined
    ? data.author === page.account
    : data.user_id !== null && String(data.user_id) === page.user;
  if (!mayAll(template) && !isOwn) return item;
  if (isOwn || data.user_id === null) controls.querySelector("[data-may=block]")?.remove();
  for (const part of controls.querySelectorAll("[href], [action]")) {
    for (const name of ["href", "action"]) {
      const address = part.getAttribute(name);
      if (address) part.setAttribute(name, address.replace(/\/0\//, `/${data.id}/`));
    }
  }
  for (const seen of controls.querySelectorAll("[name=seen]")) seen.value = data.body_digest;
  item.append(controls);
  return item;
}

/** Comments that came and went while the page was away: they were never counted. */
const uncounted = new Set();

/** Counts a comment where the page says how many there are. */
function countComment(shown, { event, data }) {
  const link = shown?.querySelector("[data-comments]");
  if (event === "comment_created" && data.redacted) uncounted.add(data.id);
  if (!link || data.redacted || (event === "comment_deleted" && uncounted.delete(data.id))) return;
  const change = { comment_created: data.state === "visible" ? 1 : 0, comment_deleted: -1 }[event] ?? 0;
  const number = Math.max(0, (parseInt(link.textContent, 10) || 0) + change);
  link.textContent = number ? several(number, "comment") : "No comments";
}

const take = {
  posts({ channel, event, data, html }) {
    const shown = byId(`post-${channel === "comments" ? data.post_id : data.id}`);
    if (channel === "comments") countComment(shown, { event, data });
    if (channel !== "posts" || data.redacted) return;
    if (event === "post_deleted" || !isListed(data)) {
      if (event === "post_deleted") gone.add(`post-${data.id}`);
      if (shown) withdraw(shown, event === "post_deleted" ? "This post was deleted." : "This post has moved.");
      return;
    }
    if (!html) return refresh();
    const card = fragment(html);
    // The event of a post does not say how many comments it has.
    const count = shown?.querySelector("[data-comments]");
    if (count) card.querySelector(".meta").append(" ", count.cloneNode(true));
    place(byId("posts"), card, true);
  },

  post({ channel, event, data, html }) {
    if (channel === "posts" && String(data.id) === page.post && !data.redacted) {
      if (event === "post_deleted") tell("This post was deleted. What you have typed is still here.");
      else if (html) changePost(data, fragment(html));
      else refresh();
    }
    const id = `comment-${data.id}`;
    if (channel === "comments" && (data.redacted || String(data.post_id) === page.post)) {
      countComment(document.querySelector("article.post header"), { event, data });
    }
    if (channel !== "comments" || data.redacted || String(data.post_id) !== page.post) return;
    if (event === "comment_deleted") {
      gone.add(id);
      const shown = byId(id);
      if (shown) withdraw(shown, "This comment was deleted.");
    } else if (html) {
      const mayAll = (template) => template.content.querySelector("[data-may=moderate]");
      const comment = addMenu(fragment(html), "comment", data, mayAll);
      place(byId("comments"), comment, false);
    } else {
      refresh();
    }
  },

  moderation({ channel, event, data }) {
    const id = `comment-${data.id}`;
    if (channel === "comments" && (byId(id) || data.state === "held")) refresh();
    if (channel === "posts" && event === "post_deleted") refresh();
  },

  notes({ channel, event, data, html }) {
    if (channel !== "notes" || data.redacted) return;
    const id = `note-${data.id}`;
    if (event === "note_deleted") {
      gone.add(id);
      const shown = byId(id);
      if (shown) withdraw(shown, "This note was deleted.");
    } else if (html) {
      const note = addMenu(fragment(html), "note", data, (template) => "all" in template.dataset);
      place(byId("notes"), note, true);
    } else {
      refresh();
    }
  },

  note({ event, data }) {
    if (String(data.id) !== page.note) return;
    if (event === "note_deleted") tell("This note was deleted.");
    else refresh();
  },

  "edit-post"({ channel, event, data }) {
    if (channel !== "posts" || String(data.id) !== page.post) return;
    tell(event === "post_deleted"
      ? "This post was deleted while you were editing it."
      : "This post was changed since you opened it. Saving shows both versions.");
  },

  "edit-note"({ event, data }) {
    if (String(data.id) !== page.note) return;
    tell(event === "note_deleted"
      ? "This note was deleted while you were editing it."
      : "This note was changed since you opened it. Saving shows both versions.");
  },
};

/** The head of an open post is made of its card; its text is fetched if it is another one. */
function changePost(data, card) {
  const article = document.querySelector("article.post");
  const header = article.querySelector("header");
  const title = header.querySelector("h1");
  document.title = data.title + document.title.slice(document.title.lastIndexOf(" · "));
  changeInPlace(header, () => {
    title.textContent = data.title;
    for (const [selector, parent] of [["ul.tags", header], [".meta > .badge", header.querySelector(".meta")]]) {
      const [old, wanted] = [header, card].map((part) => part.querySelector(selector)?.cloneNode(true));
      if (old && wanted) header.querySelector(selector).replaceWith(wanted);
      else if (wanted) parent.append(wanted);
      else header.querySelector(selector)?.remove();
    }
    const changed = header.querySelector(".changed");
    changed.hidden = data.updated_at <= (data.published_at ?? data.inserted_at);
    const time = changed.querySelector("time");
    time.dateTime = `${data.updated_at.slice(0, 19)}Z`;
    time.title = new Date(time.dateTime).toUTCString();
    time.textContent = "just now";
  });
  if (data.body_digest !== article.querySelector(".text").dataset.body) fetchText(data.body_digest);
}

/** A burst of events is put on the page between two of its pictures, and never all in one go. */
const SHARE = 16;
const waitingFrames = [];
let isDraining = false;

function apply(frame) {
  waitingFrames.push(frame);
  if (isDraining) return;
  isDraining = true;
  next();
}

function next() {
  let isDone = false;
  const drain = () => {
    if (isDone) return;
    isDone = true;
    const begun = performance.now();
    places = new WeakMap();
    while (waitingFrames.length && performance.now() - begun < SHARE) {
      const frame = waitingFrames.shift();
      meanwhile?.push(frame);
      take[kind](frame);
    }
    isDraining = waitingFrames.length > 0;
    if (isDraining) next();
  };
  // A page that nobody sees has no pictures.
  requestAnimationFrame(drain);
  setTimeout(drain, 100);
}

// ---- The connection ------------------------------------------------------------------------

/** The server has ended the connection for what it may not serve any more. */
const POLICY = 1008;

const labels = { live: "Live", stale: "Out of date", reconnecting: "Reconnecting…", offline: "Offline" };

function show(state) {
  const pill = byId("live");
  const before = pill.dataset.state;
  if (before === state) return;
  pill.dataset.state = state;
  pill.textContent = labels[state];
  // That all is well is said only after it was not.
  if (before || state !== "live") announce(labels[state]);
}

async function askVersion() {
  try {
    compare((await (await fetch(`${page.root}/health/ready`)).json()).version);
  } catch {
    // It is asked again with the next connection.
  }
}

/** There was a connection before. */
let opened = false;

/** Goes on from where the page was rendered, so that nothing falls in between. */
const feed = kind in channels && follow({
  url: `${page.root}/feed`,
  channels: channels[kind],
  frame: "html",
  lastEventId: Number(page.lastEventId),
  log: page.log,
  onState(state) {
    if (state === "live") {
      // If this node has lost its database, it says so again within seconds.
      blind = false;
      // The node may have been replaced meanwhile.
      if (opened) askVersion();
      opened = true;
    }
    show(state === "live" ? current() : state);
  },
  onEvent(event) {
    if (event.channel !== "system") return event.data && apply(event);
    if (event.event === "deploy") compare(event.data.version);
    if (event.event === "database") {
      blind = !event.data.reachable;
      show(current());
    }
  },
  onResync() {
    if (!page.source) tell("This may have changed since you opened it. Saving shows both versions.");
    refresh();
  },
  onClose(code) {
    if (code === POLICY) checkSignIn();
  },
});

/** A page that was made for an account is nobody's once its sign-in has ended. What is being typed
 *  stays, unless the page may be shown to somebody else: `leaves`. */
async function checkSignIn(leaves = false) {
  // A form that is on its way, signing out perhaps, leads to another page.
  if (!("account" in page) || (!leaves && document.querySelector("form[data-sent]"))) return;
  const answer = await fetch(`${page.root}/api/sessions`, { cache: "no-store" }).catch(() => null);
  if (answer?.status !== 401) return;
  const typed = [...document.querySelectorAll("main textarea, main input[type=text], main input:not([type])")];
  if (!leaves && typed.some((field) => field.value !== field.defaultValue)) {
    return tell("You have been signed out. Keep a copy of what you have typed, then sign in again.");
  }
  location.reload();
}

// The browser may have kept the page when its reader left it, and the reader may have signed out.
addEventListener("pageshow", ({ persisted }) => persisted && checkSignIn(true));

// ---- Forms ---------------------------------------------------------------------------------

// A second click does not send a form twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("sent" in form.dataset) return event.preventDefault();
  form.dataset.sent = "";
  setTimeout(() => delete form.dataset.sent, 3000);
});

// ---- Links to comments ---------------------------------------------------------------------

/** A comment on another page of the thread: the server knows on which. */
function seekComment() {
  const [, id] = /^#comment-(\d+)$/.exec(location.hash) ?? [];
  const url = new URL(location.href);
  if (kind !== "post" || !id || byId(`comment-${id}`) || url.searchParams.get("comment") === id) return;
  url.search = `?comment=${id}`;
  location.replace(url);
}

addEventListener("hashchange", seekComment);
seekComment();
