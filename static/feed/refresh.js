// Fetches the page again after a gap in the log, and the text of its post when it has changed.

async function load(address) {
  const credentials = isEmbedded ? "omit" : "same-origin";
  const answer = await fetch(address, { headers: { accept: "text/html" }, cache: "no-cache", credentials });
  if (answer.status === 404 || answer.status === 410) return null;
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const fresh = await parse(await answer.text());
  addButtons(fresh);
  return fresh;
}

/** The number of characters of a page that are parsed without a pause. */
const PARSED = 16_384;

/** Parses a document without running its scripts, in parts: half a megabyte at once would block a
 *  slow machine. */
async function parse(text) {
  const fresh = document.implementation.createHTMLDocument();
  fresh.open();
  for (let at = 0; at < text.length; at += PARSED) {
    // A hidden page's timers take a second or more.
    if (at && !isHidden()) await sleep(0);
    fresh.write(text.slice(at, at + PARSED));
  }
  fresh.close();
  return fresh;
}

/** The most pages that are fetched to keep a list as long as its reader made it. */
const MAX_FOLLOWED = 50;

/** Fetches the further pages of a list, up to the length of the open one; a thread that is shown to
 *  its end is fetched to its end. */
async function fetchRest(fresh, list) {
  const wanted = fresh.getElementById(list.id);
  const rest = `${list.id}-rest`;
  const isWhole = kind === "post" && list.childElementCount && !beside(list, "[rel=next]");
  const { length } = listed();
  for (let pages = 0; pages < MAX_FOLLOWED; pages += 1) {
    if (!isWhole && wanted.childElementCount >= length) return;
    const next = one(`#${rest} [rel=next]`, fresh);
    const more = next && await load(next.getAttribute("href"));
    if (!more) return;
    wanted.append(...more.getElementById(list.id).children);
    fresh.getElementById(rest).replaceWith(more.getElementById(rest));
  }
}

/** The frames that have arrived since a page was requested; the page may not reflect them. */
let meanwhile = null;

async function update() {
  meanwhile = [];
  try {
    const fresh = await load(page.source);
    if (!fresh) return tell("This page no longer exists.");
    const list = listOfPage();
    if (list) await fetchRest(fresh, list);
    for (const id of gone) fresh.getElementById(id)?.remove();
    places = new WeakMap();
    showFetched(() => {
      for (const region of all("[data-region]")) {
        const wanted = fresh.getElementById(region.id);
        if (wanted) merge(region, wanted);
      }
    });
    document.title = fresh.title;
    const { locked, log, version, lastEventId } = fresh.body.dataset;
    if (kind === "post") tellOfLock(locked !== undefined);
    feed.log = log;
    compare(version);
    const position = Number(lastEventId);
    while (waitingFrames[0]?.id <= position) waitingFrames.shift();
    for (const frame of meanwhile) if (frame.id > position) take[kind](frame);
  } finally {
    meanwhile = null;
  }
}

// Fetches run one at a time, each for all events since the last. Those of readers are spread out.
const SPREAD = 300;
const PAUSE = 1000;
let stale = false;
let updating = false;
/** True if the page has changed and could not be fetched. */
let behind = false;
/** True if the connected node has lost its database, and so the events of other nodes. */
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
    } catch {
      stale = true;
      failures += 1;
    }
    behind = failures > 0;
    if (feed.state === "live") label(current());
    await sleep(failures ? backoff(failures) : PAUSE);
  }
  updating = false;
}

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** The readers of a post fetch its new text at different times. */
const SPREAD_TEXT = 2000;
let wantedText = "";
let isFetchingText = false;

/** Updates the text of the open post to the one with this digest. Fetches run one at a time, each
 *  for all changes before it, because an older response could arrive last. */
async function fetchText(digest) {
  wantedText = digest;
  const text = one("article.post .text");
  if (isFetchingText || wantedText === text.dataset.body) return;
  isFetchingText = true;
  try {
    let asked;
    let isNewer;
    do {
      await sleep(Math.random() * SPREAD_TEXT);
      asked = wantedText;
      isNewer = false;
      const before = text.dataset.body;
      const answer = await load(`${page.root}/posts/${page.post}/body?v=${asked}`);
      const fresh = answer && one(".text", answer);
      if (!fresh) continue;
      await readSources(text, fresh);
      // The whole page may have been fetched in the meantime.
      isNewer = text.dataset.body !== before;
      if (!isNewer && text.isConnected) keepingPlace(() => merge(text, fresh));
    } while ((isNewer || wantedText !== asked) && wantedText !== text.dataset.body);
  } catch {
    refresh();
  }
  isFetchingText = false;
}
