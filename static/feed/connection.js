// The connection, its label in the header, and the queue between it and the page.

/** The most milliseconds spent on a burst of events between two animation frames. */
const SHARE = 16;
/** The most events placed between two animation frames, unless many wait: laying them out takes
 *  longer than placing them. */
const TOGETHER = 3;
const MANY = 200;
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
    // Measured before anything changes, while that does not cost a layout.
    const list = listOfPage();
    if (list) placeOf(list);
    let room = isHidden() || waitingFrames.length > MANY ? Infinity : TOGETHER;
    while (waitingFrames.length && room-- > 0 && performance.now() - begun < SHARE) {
      const frame = waitingFrames.shift();
      meanwhile?.push(frame);
      try {
        take[kind](frame);
      } catch (error) {
        console.error(error);
        refresh();
      }
    }
    isDraining = waitingFrames.length > 0;
    if (isDraining) next();
  };
  // Runs after the frame, so that the two do not add up to a long task. A hidden page has none.
  if (!isHidden()) requestAnimationFrame(() => isDone || setTimeout(drain));
  setTimeout(drain, 100);
}

/** The close code of a connection that the server may no longer serve. */
const POLICY = 1008;

const labels = { live: "Live", stale: "Out of date", reconnecting: "Reconnecting…", offline: "Offline" };

function label(state) {
  const pill = byId("live");
  const before = pill.dataset.state;
  if (before === state) return;
  pill.dataset.state = state;
  pill.textContent = labels[state];
  // "Live" is announced only after another state.
  if (before || state !== "live") announce(labels[state]);
}

async function askVersion() {
  try {
    compare((await (await fetch(`${page.root}/health/ready`)).json()).version);
  } catch {
    // The next connection asks again.
  }
}

// The scripts of single pages share this connection.
const hear = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
on("say", ({ detail }) => feed && feed.send(detail));
on("outdated", refresh);

/** True after the first connection. */
let opened = false;

/** Continues from the position at which the page was rendered, so that no event is missed. */
const feed = kind in channels && follow({
  url: `${page.root}/feed${isEmbedded ? "?as=guest" : ""}`,
  channels: channels[kind],
  // Samples have no HTML; their plain frame is encoded once for all readers.
  frame: kind === "admin" ? undefined : "html",
  lastEventId: Number(page.lastEventId),
  log: page.log,
  onState(state) {
    if (state !== "live") {
      hear("presence", null);
    } else {
      // If this node has lost its database, it repeats the message within seconds.
      blind = false;
      // The node may have been upgraded in the meantime.
      if (opened) askVersion();
      opened = true;
    }
    label(state === "live" ? current() : state);
  },
  onEvent(event) {
    if (["presence", "sample"].includes(event.event)) return hear(event.event, event.data);
    if (event.channel !== "system") return event.data && apply(event);
    if (event.event === "deploy") compare(event.data.version);
    if (event.event === "database") {
      blind = !event.data.reachable;
      label(current());
    }
  },
  onResync() {
    if (!page.source) tellOfChange("may have changed");
    refresh();
  },
  onClose(code) {
    if (code !== POLICY) return;
    // An account that is no longer an admin is still signed in.
    if (kind === "admin") location.reload();
    else checkSignIn();
  },
});

/** Reloads a page that was made for an account after its sign-in has ended. Typed text stays,
 *  unless somebody else may see the page (`leaves`). */
async function checkSignIn(leaves = false) {
  // A form being sent, such as signing out, leads to another page.
  if (!("account" in page) || (!leaves && one("form[data-sent]"))) return;
  const answer = await fetch(`${page.root}/api/sessions`, { cache: "no-store" }).catch(() => null);
  if (answer?.status !== 401) return;
  const typed = all("main :is(textarea, input[type=text], input:not([type]))");
  if (!leaves && typed.some((field) => field.value !== field.defaultValue)) {
    return tell("You have been signed out. Copy your text, then sign in again.");
  }
  location.reload();
}

// A page from the back/forward cache may be older than the reader's signing out.
addEventListener("pageshow", ({ persisted }) => persisted && checkSignIn(true));
