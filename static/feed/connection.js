// The connection, its mark in the header, and the queue between it and the page.

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

// Scripts of some pages alone have no connection of their own.
const hear = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
document.addEventListener("say", ({ detail }) => feed && feed.send(detail));
document.addEventListener("outdated", () => refresh());

/** There was a connection before. */
let opened = false;

/** Goes on from where the page was rendered, so that nothing falls in between. */
const feed = kind in channels && follow({
  url: `${page.root}/feed${isEmbedded ? "?as=guest" : ""}`,
  channels: channels[kind],
  // A sample is no fragment: as it is, it is encoded once for all.
  frame: kind === "admin" ? undefined : "html",
  lastEventId: Number(page.lastEventId),
  log: page.log,
  onState(state) {
    if (state !== "live") hear("presence", null);
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
    if (["presence", "sample"].includes(event.event)) return hear(event.event, event.data);
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
    if (code !== POLICY) return;
    // An account that is no longer an admin's keeps its sign-in.
    if (kind === "admin") location.reload();
    else checkSignIn();
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
