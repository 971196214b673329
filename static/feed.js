// Keeps an open page true while others write. What is on a page is the server's: an event only
// says that something has changed. What was deleted goes at once; anything else comes from the
// page itself, fetched again and merged into the one that is open, so that Markdown is laid out
// and made safe in one place. Nothing that is typed is touched, focus stays where it is.
//
// <body data-live> says what the page shows, data-source where to fetch it from; each element
// with data-region and an id is kept as the server has it; what has data-item comes and goes.

const page = document.body.dataset;
const kind = page.live;
const ofPosts = "/feed?channels=posts,comments,system";
const ofNotes = "/feed?channels=notes,system";
const feeds = {
  posts: ofPosts, post: ofPosts, "edit-post": ofPosts,
  moderation: ofPosts, notes: ofNotes, note: ofNotes, "edit-note": ofNotes,
};

// ---- The page ------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);
/** The ids of what was deleted: a page fetched before that must not bring it back. */
const gone = new Set();

function remove(id) {
  gone.add(id);
  byId(id)?.remove();
}

function tell(text) {
  const notice = byId("notice");
  notice.textContent = text;
  notice.hidden = false;
}

/** Says so when the site runs another version than the one that this page is of. Loading it anew is
 *  the reader's to decide: there may be something half written. */
function compare(version) {
  if (version && version !== page.version) byId("version").hidden = false;
}

/** What the reader changes on a page, which is not the server's. */
const readers = new Set(["open", "data-fresh"]);

/** Makes `old` equal to `wanted` with as few changes as that takes. */
function merge(old, wanted) {
  if (old.isEqualNode(wanted)) return;
  if (old.nodeName !== wanted.nodeName) return old.replaceWith(document.importNode(wanted, true));
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name) && !readers.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value && !readers.has(name)) old.setAttribute(name, value);
  }
  mergeChildren(old, wanted);
}

function mergeChildren(old, wanted) {
  const staying = new Set([...wanted.children].map((child) => child.id).filter(Boolean));
  for (const child of [...old.children]) {
    if (child.id && !staying.has(child.id)) child.remove();
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
      if (copy.dataset && "item" in copy.dataset) copy.dataset.fresh = "";
      old.insertBefore(copy, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    merge(match, child);
  }
  while (at) drop();
}

document.addEventListener("animationend", (event) => {
  if (event.animationName === "arrive") delete event.target.dataset.fresh;
});

async function load(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" }, cache: "no-store" });
  if (answer.status === 404 || answer.status === 410) return null;
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** A thread that was read to its end stays so when it grows over the page's: this many pages on. */
const MAX_FOLLOWED = 10;

async function follow(fresh) {
  const thread = fresh.getElementById("comments");
  for (let pages = 0; pages < MAX_FOLLOWED; pages += 1) {
    const next = fresh.querySelector("#comments-rest [rel=next]");
    const more = next && await load(next.getAttribute("href"));
    if (!more) return;
    thread.append(...more.getElementById("comments").children);
    fresh.getElementById("comments-rest").replaceWith(more.getElementById("comments-rest"));
  }
}

async function update() {
  const wasAtEnd = !document.querySelector("#comments-rest [rel=next]");
  const fresh = await load(page.source);
  if (!fresh) return tell("This is no longer here.");
  if (kind === "post" && wasAtEnd) await follow(fresh);
  for (const id of gone) fresh.getElementById(id)?.remove();
  for (const region of document.querySelectorAll("[data-region]")) {
    const wanted = fresh.getElementById(region.id);
    if (wanted) merge(region, wanted);
  }
  document.title = fresh.title;
  page.log = fresh.body.dataset.log;
  compare(fresh.body.dataset.version);
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
    if (socket?.readyState === WebSocket.OPEN) show(current());
    await sleep(failures ? backoff(failures) : PAUSE);
  }
  updating = false;
}

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

// ---- The events ----------------------------------------------------------------------------

function isListed(post) {
  return post.status === page.status && (!page.tag || post.tags?.includes(page.tag));
}

const take = {
  posts({ channel, event, data }) {
    if (channel !== "posts") return;
    const id = `post-${data.id}`;
    if (event === "post_deleted" || (byId(id) && !data.redacted && !isListed(data))) {
      const shown = byId(id);
      remove(id);
      if (shown) refresh();
      return;
    }
    gone.delete(id);
    if (byId(id) || ("first" in page && isListed(data))) refresh();
  },

  post({ channel, event, data }) {
    if (channel === "posts" && String(data.id) === page.post) {
      if (event === "post_deleted") tell("This post was deleted. What you have typed is still here.");
      else refresh();
    }
    const id = `comment-${data.id}`;
    if (channel === "comments" && (String(data.post_id) === page.post || byId(id))) {
      if (event === "comment_deleted") remove(id);
      // One that was hidden may show again.
      else gone.delete(id);
      refresh();
    }
  },

  moderation({ channel, event, data }) {
    const id = `comment-${data.id}`;
    if (channel === "comments" && (byId(id) || data.state === "held")) refresh();
    if (channel === "posts" && event === "post_deleted") refresh();
  },

  notes({ event, data }) {
    const id = `note-${data.id}`;
    const shown = byId(id);
    if (event === "note_deleted") remove(id);
    if (shown || (event === "note_created" && "first" in page)) refresh();
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

// ---- The connection ------------------------------------------------------------------------

const PING_EVERY = 25_000;
/** A server that has not answered a ping by then is gone, as after a laptop's sleep. */
const ANSWER_WITHIN = 8_000;
const RETRY_FIRST = 500;
const RETRY_MOST = 30_000;
const POLICY = 1008;

/** Full jitter: anywhere up to a bound that doubles, so that readers do not return in step. */
const backoff = (failures) => Math.random() * Math.min(RETRY_MOST, RETRY_FIRST * 2 ** failures);

let socket = null;
let failures = 0;
let retry = 0;
let silence = 0;
/** The last event that the page reflects or has been told of: each connection goes on from it, the
 *  first one from where the page was rendered, so that nothing falls in between. */
let lastId = Number(page.lastEventId);

/** There was a connection before. */
let opened = false;

async function askVersion() {
  try {
    compare((await (await fetch(`${page.root}/health/ready`)).json()).version);
  } catch {
    // It is asked again with the next connection.
  }
}

function address() {
  const url = new URL(page.root + feeds[kind], location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("last_event_id", lastId);
  url.searchParams.set("log", page.log);
  return url;
}

const labels = { live: "Live", stale: "Out of date", reconnecting: "Reconnecting…", offline: "Offline" };

function show(state) {
  const pill = byId("live");
  if (pill.dataset.state === state) return;
  pill.dataset.state = state;
  pill.textContent = labels[state];
  pill.hidden = false;
}

function connect() {
  if (socket) return;
  clearTimeout(retry);
  const mine = new WebSocket(address());
  socket = mine;
  mine.onopen = () => {
    // If this node has lost its database, it says so again within seconds.
    blind = false;
    show(current());
    // The node may have been replaced meanwhile.
    if (opened) askVersion();
    opened = true;
  };
  mine.onmessage = ({ data }) => {
    clearTimeout(silence);
    failures = 0;
    // Also after an interruption of the network that the connection has outlived.
    show(current());
    if (data === "pong") return;
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (frame.event === "resync") {
      // The log no longer has what happened since, or it is another log: all anew from here.
      lastId = frame.id;
      if (!page.source) tell("This may have changed since you opened it. Saving shows both versions.");
      refresh();
      return;
    }
    if (Number.isInteger(frame.id)) {
      if (frame.id <= lastId) return;
      lastId = frame.id;
    }
    if (frame.channel === "system") {
      if (frame.event === "deploy") compare(frame.data.version);
      if (frame.event === "database") {
        blind = !frame.data.reachable;
        show(current());
      }
      return;
    }
    if (frame.data) take[kind](frame);
  };
  mine.onclose = ({ code }) => {
    if (socket !== mine) return;
    lost(code);
    if (code === POLICY) checkSignIn();
  };
}

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

/** Forgets the socket and comes back after a while. */
function lost(code) {
  socket = null;
  clearTimeout(silence);
  failures = code === POLICY ? 10 : failures + 1;
  show(navigator.onLine ? "reconnecting" : "offline");
  retry = setTimeout(connect, backoff(failures));
}

function ping() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send("ping");
  clearTimeout(silence);
  silence = setTimeout(() => {
    const dead = socket;
    lost();
    dead?.close();
  }, ANSWER_WITHIN);
}

/** Something speaks for a connection being possible now: asks a socket that is there whether it
 *  lives, and does not wait for the next try when there is none. */
function wake() {
  if (socket?.readyState === WebSocket.OPEN) {
    ping();
  } else if (!socket) {
    failures = 0;
    connect();
  }
}

function leave() {
  clearTimeout(retry);
  clearTimeout(silence);
  const left = socket;
  socket = null;
  left?.close();
}

if (kind in feeds) {
  connect();
  setInterval(ping, PING_EVERY);
  addEventListener("online", wake);
  addEventListener("offline", () => show("offline"));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
  // A page with an open socket is not kept for the back button.
  addEventListener("pagehide", leave);
  addEventListener("pageshow", ({ persisted }) => persisted && connect());
}

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
