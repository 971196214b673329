// The page, or the text of its post, fetched again: after a gap in the log, and when the text changed.

async function load(address) {
  const credentials = isEmbedded ? "omit" : "same-origin";
  const answer = await fetch(address, { headers: { accept: "text/html" }, cache: "no-cache", credentials });
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
let wantedText = "";
let isFetchingText = false;

/** Makes the text of the open post the one with this digest. One fetch at a time, one for all changes
 *  before it: of two answers, the older could come last. */
async function fetchText(digest) {
  wantedText = digest;
  const text = document.querySelector("article.post .text");
  if (isFetchingText || wantedText === text.dataset.body) return;
  isFetchingText = true;
  try {
    let asked;
    do {
      await sleep(Math.random() * SPREAD_TEXT);
      asked = wantedText;
      const fresh = (await load(`${page.root}/posts/${page.post}/body?v=${asked}`))?.querySelector(".text");
      if (fresh && text.isConnected) keepingPlace(() => merge(text, fresh));
    } while (wantedText !== asked && wantedText !== text.dataset.body);
  } catch {
    refresh();
  }
  isFetchingText = false;
}
