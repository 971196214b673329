// Follows the live feed of a Kilonova server: every event once and in order, through lost
// connections and restarts of the server. The site's own pages use this file. It owns the
// connection and the position, and leaves the handling of events to its caller.

const PING_EVERY = 25_000;
/** The timeout for the answer to a ping: a connection may be dead, for example after a suspend. */
const ANSWER_WITHIN = 8_000;
const RETRY_FIRST = 500;
const RETRY_MOST = 30_000;
/** The server closed the connection for a reason that also applies to an immediate retry. */
const POLICY = 1008;
const FAILURES_OF_POLICY = 10;
/** The most events that are held while the caller loads its lists after a resync. */
const MAX_HELD = 1000;

/** Full jitter: a random time up to a doubling bound, so that readers do not reconnect together. */
export const backoff = (failures) =>
  Math.random() * Math.min(RETRY_MOST, RETRY_FIRST * 2 ** failures);

/**
 * Connects, and reconnects until it is closed. See client.d.ts for the options.
 */
export function follow(options) {
  const { channels, frame, onEvent, onState, onResync, onClose } = options;
  const base = new URL(options.url, globalThis.location?.href);
  base.protocol = base.protocol.replace("http", "ws");
  if (channels) base.searchParams.set("channels", channels.join());
  if (frame) base.searchParams.set("frame", frame);
  let log = options.log;
  let lastEventId = options.lastEventId ?? "latest";
  let state = "connecting";
  let socket = null;
  let failures = 0;
  let retry, silence, pinging;
  let isClosed = false;
  let held = null;
  let loads = 0;

  function enter(next) {
    if (state === next) return;
    state = next;
    onState?.(state);
  }

  function connect() {
    if (socket || isClosed) return;
    clearTimeout(retry);
    base.searchParams.set("last_event_id", lastEventId);
    if (log) base.searchParams.set("log", log);
    else base.searchParams.delete("log");
    const mine = new WebSocket(base);
    socket = mine;
    mine.onopen = () => socket === mine && enter("live");
    mine.onmessage = ({ data }) => socket === mine && take(data);
    mine.onclose = ({ code }) => {
      if (socket !== mine) return;
      lose(code);
      onClose?.(code);
    };
  }

  function take(text) {
    clearTimeout(silence);
    failures = 0;
    // A connection can survive an interruption of the network.
    enter("live");
    if (text === "pong") return;
    let event;
    try {
      event = JSON.parse(text);
    } catch {
      return;
    }
    if (event.event === "resync") {
      // The server no longer has the missed events, or has another log. It continues from here.
      lastEventId = event.id;
      log = undefined;
      resync(event.id);
      return;
    }
    if (Number.isInteger(event.id)) {
      if (event.id <= lastEventId) return;
      lastEventId = event.id;
    }
    if (event.event === "position") return;
    if (!held) onEvent(event);
    else if (held.length <= MAX_HELD) held.push(event);
  }

  /** Tells the caller that events are missing. Holds the next ones until its lists are loaded, which
   *  would otherwise overwrite them. Repeats a failed load. */
  async function resync(id, failed = 0) {
    const mine = (loads += 1);
    if (!failed) held = [];
    try {
      const loaded = await onResync?.(id);
      if (mine === loads) release(loaded ?? {});
    } catch (error) {
      console.error(error);
      setTimeout(() => mine === loads && !isClosed && resync(id, failed + 1), backoff(failed));
    }
  }

  /** Passes on the held events that the loaded lists do not include. */
  function release(loaded) {
    const events = held;
    held = null;
    if (loaded.log) log = loaded.log;
    if (events.length > MAX_HELD) return resync(lastEventId);
    if (loaded.lastEventId > lastEventId) lastEventId = loaded.lastEventId;
    for (const event of events) {
      if (isClosed || event.id <= loaded.lastEventId) continue;
      try {
        onEvent(event);
      } catch (error) {
        console.error(error);
      }
    }
  }

  /** Drops the socket and reconnects after a while. */
  function lose(code) {
    socket = null;
    clearTimeout(silence);
    failures = code === POLICY ? FAILURES_OF_POLICY : failures + 1;
    enter(globalThis.navigator?.onLine === false ? "offline" : "reconnecting");
    retry = setTimeout(connect, backoff(failures));
  }

  function ping() {
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send("ping");
    clearTimeout(silence);
    silence = setTimeout(() => {
      const dead = socket;
      lose();
      dead?.close();
    }, ANSWER_WITHIN);
  }

  /** Called when a connection may have become possible: pings an open socket, or reconnects at once
   *  if there is none. */
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

  const listening = new AbortController();
  function on(target, name, listener) {
    target?.addEventListener?.(name, listener, { signal: listening.signal });
  }
  on(globalThis, "online", wake);
  on(globalThis, "offline", () => enter("offline"));
  on(globalThis.document, "visibilitychange", () => document.visibilityState === "visible" && wake());
  // A browser's back/forward cache does not keep a page with an open socket.
  on(globalThis, "pagehide", leave);
  on(globalThis, "pageshow", ({ persisted }) => persisted && connect());
  pinging = setInterval(ping, PING_EVERY);
  connect();

  return {
    /** The position of the last event, from which another page can resume. */
    get lastEventId() {
      return lastEventId;
    },
    /** `connecting`, `live`, `reconnecting` or `offline`. */
    get state() {
      return state;
    },
    /** The log that `lastEventId` belongs to, as a page or a response names it. */
    get log() {
      return log;
    },
    set log(name) {
      log = name;
    },
    /** Sends a text to the server if there is a connection, for example `{"typing":true}`. */
    send(text) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(text);
    },
    /** Closes the connection and does not reconnect. */
    close() {
      isClosed = true;
      clearInterval(pinging);
      listening.abort();
      leave();
    },
  };
}
