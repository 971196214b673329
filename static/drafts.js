// Keeps what is being typed in this browser, so that a tab that crashes takes no text with it. Owns
// the copies in localStorage: which forms have one (data-keep), of which account, for how long and
// how many. What a form has sent is the server's.
//
// A copy belongs to a window, so that two windows of one form keep two texts. A window that opens the
// form finds its own copy, or else the newest one whose window is gone: one that is there holds a
// lock. Where a browser has no locks, a window finds its own alone.

const root = document.body.dataset.root;
const PREFIX = `kilonova${root}:`;
const OLDEST = 30 * 24 * 3600 * 1000;
const MOST = 20;
const LARGEST = 1_500_000;
const PAUSE = 400;
/** A form's hidden fields that belong to its text: what it was made from, and which form it is. */
const HIDDEN = ["version", "idempotency_key", "copy", "window"];
/** What the server has kept of the form (static/editor.js), and the form that discards it. */
const unsaved = document.querySelector("form.unsaved");

const account = document.querySelector("#signed-in")?.textContent ?? "";
const own = `${PREFIX}${encodeURIComponent(account)}:`;
const forms = [...document.querySelectorAll("form[data-keep]")];
const fieldsOf = (form) => [...form.elements].filter((field) => field.name && /^(text|textarea|radio|datetime-local)$/.test(field.type));
const isChanged = (field) => (field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
const hasText = (form) => fieldsOf(form).some(isChanged);

/** A private window, or a full disk, has no storage: nothing is kept then, and all else works. */
function attempt(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}

const keys = (prefix) => attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(prefix))) ?? [];
const drop = (key) => attempt(() => localStorage.removeItem(key));

function read(key) {
  const copy = attempt(() => JSON.parse(localStorage.getItem(key)));
  return Number.isFinite(copy?.at) && copy.values && typeof copy.values === "object" ? copy : null;
}

/** All keys with the times of their copies, the newest first. */
const byAge = (prefix) => keys(prefix)
  .map((key) => ({ key, at: read(key)?.at ?? 0 }))
  .sort((one, other) => other.at - one.at);

/** Stores a copy; when there is no room, the oldest others make some. */
function store(key, copy) {
  const put = () => attempt(() => (localStorage.setItem(key, copy), true));
  if (put()) return;
  for (const old of byAge(PREFIX).reverse()) {
    if (old.key === key) continue;
    drop(old.key);
    if (put()) return;
  }
}

/** Holds a lock of this name until it is called back. */
function hold(name) {
  let release = () => {};
  const released = new Promise((resolve) => { release = resolve; });
  navigator.locks?.request(name, () => released).catch(() => {});
  return release;
}

const WINDOW = `${PREFIX}window`;
const random = () => crypto.getRandomValues(new Uint32Array(2)).join("-");

/** The name of this window; it outlives a reload, and a crash that the browser recovers from. */
function nameWindow(isNew) {
  const name = (!isNew && attempt(() => sessionStorage.getItem(WINDOW))) || random();
  attempt(() => sessionStorage.setItem(WINDOW, name));
  return name;
}

let ended = false;

function keep(form, held) {
  const prefix = `${own}${form.dataset.keep}:`;
  let key = prefix + nameWindow(false);
  // A copy of a window has its name, too.
  if (held.has(key)) key = prefix + nameWindow(true);
  form.kept = key;
  const hidden = HIDDEN.map((name) => form.elements.namedItem(name)).filter(Boolean);
  const made = hidden.map((field) => field.value);
  let wait = 0;
  let release = null;

  function forget() {
    clearTimeout(wait);
    wait = 0;
    drop(key);
    release?.();
    release = null;
  }

  function save() {
    clearTimeout(wait);
    wait = 0;
    if (ended) return;
    if (!hasText(form)) return void (release && forget());
    const values = {};
    for (const field of [...fieldsOf(form), ...hidden]) {
      if (field.type !== "radio" || field.checked) values[field.name] = field.value;
    }
    const copy = JSON.stringify({ at: Date.now(), values });
    if (copy.length > LARGEST) return;
    release ??= hold(key);
    store(key, copy);
  }

  function fill(values) {
    for (const field of fieldsOf(form)) {
      if (!Object.hasOwn(values, field.name)) continue;
      const value = String(values[field.name]);
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
    }
  }

  function restore() {
    // A text that the server has sent back, or that the browser itself has restored, is newer.
    if ("refused" in form.dataset || hasText(form)) return void save();
    const free = byAge(prefix).filter((copy) => copy.key === key || (navigator.locks && !held.has(copy.key)));
    const { kept, by } = form.dataset;
    const isOf = ({ values }) => !kept || values.idempotency_key === form.elements.idempotency_key?.value;
    const fit = free.filter((copy) => isOf(read(copy.key) ?? { values: {} }));
    const found = fit.find((copy) => copy.key === key) ?? fit[0];
    const copy = found && read(found.key);
    if (!copy) return;
    // Of two copies the newer counts; a window keeps its text here before it does so on the server.
    if (kept && copy.at < Number(kept) && copy.values.window !== by) return void drop(found.key);
    fill(copy.values);
    if (!hasText(form)) return void drop(found.key);
    // A text that was written over another version meets it when it is saved.
    for (const field of hidden) {
      if (Object.hasOwn(copy.values, field.name)) field.value = String(copy.values[field.name]);
    }
    save();
    if (found.key !== key) drop(found.key);
    form.closest("details")?.setAttribute("open", "");
    if (!unsaved) offer();
    form.dispatchEvent(new Event("input"));
  }

  /** Says what has happened, and how to undo it. */
  function offer() {
    const note = form.querySelector(".kept");
    const discard = document.createElement("button");
    discard.type = "button";
    discard.className = "button small quiet";
    discard.textContent = "Discard";
    discard.addEventListener("click", () => {
      form.reset();
      hidden.forEach((field, place) => { field.value = made[place]; });
      forget();
      note.textContent = "";
      fieldsOf(form)[0]?.focus();
    });
    const wide = document.createElement("span");
    wide.className = "wide";
    wide.textContent = " what you had typed";
    note?.replaceChildren("Restored", wide, ". ", discard);
  }

  restore();
  unsaved?.addEventListener("submit", forget);
  // Another form has its place, and keeps its text.
  form.addEventListener("replaced", () => {
    clearTimeout(wait);
    wait = 0;
    release?.();
    release = null;
  });
  form.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(save, PAUSE);
  });
  // A tab in the background may be ended at any time. A page that holds a lock is not kept for the
  // back button.
  document.addEventListener("visibilitychange", () => wait && save());
  addEventListener("pagehide", () => {
    if (wait) save();
    release?.();
    release = null;
  });
  addEventListener("pageshow", ({ persisted }) => persisted && save());
}

// ---- What was sent -------------------------------------------------------------------------

const SENT = `${PREFIX}sent`;

/** Drops the copy of a form that was sent, when this page is what came of it: not the form again, as
 *  after a failure of the network, and not a refusal. */
function settle() {
  const sent = attempt(() => JSON.parse(sessionStorage.getItem(SENT)));
  if (!sent) return;
  attempt(() => sessionStorage.removeItem(SENT));
  const isRefused = document.querySelector("[data-refused], .problems, .conflict, .failure");
  const isThere = forms.some((form) => form.dataset.keep === sent.form);
  if (!isRefused && (location.href !== sent.from || !isThere)) drop(sent.key);
}

let leaving = null;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || event.submitter?.formTarget) return;
  leaving = form;
  // The page may not come: then there is something to lose again.
  setTimeout(() => { leaving = null; }, 10_000);
  if (form.kept) {
    const sent = { key: form.kept, form: form.dataset.keep, from: location.href };
    attempt(() => sessionStorage.setItem(SENT, JSON.stringify(sent)));
  }
});

addEventListener("beforeunload", (event) => {
  const isLost = (form) => form.isConnected && form !== leaving && !leaving?.matches(".unsaved")
    && !form.dataset.keep.startsWith("comment") && hasText(form);
  if (forms.some(isLost)) event.preventDefault();
});

// Nothing of an account stays behind where somebody else may sign in.
addEventListener("pagehide", () => {
  if (!leaving?.matches("form.account")) return;
  ended = true;
  keys(own).forEach(drop);
});

document.addEventListener("keydown", (event) => {
  const { target, key, ctrlKey, metaKey, isComposing } = event;
  if (key !== "Enter" || !(ctrlKey || metaKey) || isComposing || event.repeat) return;
  if (target.nodeName !== "TEXTAREA" || target.readOnly || !target.form) return;
  event.preventDefault();
  target.form.requestSubmit();
});

settle();
if (forms.length) {
  byAge(PREFIX).forEach(({ key, at }, place) => (place >= MOST || at < Date.now() - OLDEST) && drop(key));
  const locks = await navigator.locks?.query().catch(() => null);
  const held = new Set((locks?.held ?? []).map(({ name }) => name));
  forms.forEach((form) => keep(form, held));
  // A form that comes later, in the place of what it is about.
  document.addEventListener("opened", ({ target }) => {
    forms.push(target);
    keep(target, held);
  });
}
