// Saves typed text in this browser, so that a crashed tab does not lose it. Owns the copies in
// localStorage: the forms that have one (data-keep), their accounts, their age and their number. A
// copy is dropped after its form is sent.
//
// A copy belongs to a window, so that two windows with the same form keep two texts. A window that
// opens the form restores its own copy, or else the newest one whose window is closed. An open
// window holds a lock. In a browser without locks, a window restores only its own copy.

const root = document.body.dataset.root;
const PREFIX = `kilonova${root}:`;
const OLDEST = 30 * 24 * 3600 * 1000;
const MOST = 20;
const LARGEST = 1_500_000;
const PAUSE = 400;
/** The hidden fields saved with a form's text: the version that it changes, and its identity. */
const HIDDEN = ["version", "idempotency_key", "copy", "window"];
/** The form that discards the working copy on the server (static/editor.js), if there is one. */
const unsaved = document.querySelector("form.unsaved");

const account = document.querySelector("#signed-in")?.textContent ?? "";
const own = `${PREFIX}${encodeURIComponent(account)}:`;
const forms = [...document.querySelectorAll("form[data-keep]")];
const fieldsOf = (form) =>
  [...form.elements].filter(({ name, type }) => name && /^(text|textarea|radio|datetime-local)$/.test(type));
const isChanged = ({ type, checked, defaultChecked, value, defaultValue }) =>
  type === "radio" ? checked !== defaultChecked : value !== defaultValue;
const hasText = (form) => fieldsOf(form).some(isChanged);

/** Ignores storage errors, as in private windows or on a full disk: nothing is saved then. */
function attempt(work) {
  try {
    return work();
  } catch {
    return;
  }
}

const readWindow = (key) => attempt(() => JSON.parse(sessionStorage.getItem(key)));
const writeWindow = (key, value) => attempt(() => sessionStorage.setItem(key, JSON.stringify(value)));
const keys = (prefix) => attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(prefix))) ?? [];
const drop = (key) => attempt(() => localStorage.removeItem(key));

/** The copy of a key; an empty one in place of one that cannot be read. */
function read(key) {
  const { at, values } = attempt(() => JSON.parse(localStorage.getItem(key))) ?? {};
  return Number.isFinite(at) && values ? { key, at, values } : { key, at: 0, values: {} };
}

/** The copies whose keys have a prefix, newest first. */
const byAge = (prefix) => keys(prefix).map(read).sort((one, other) => other.at - one.at);

/** Stores a copy. If there is no room, drops the oldest other copies. */
function store(key, copy) {
  const put = () => attempt(() => (localStorage.setItem(key, copy), true));
  if (put()) return;
  for (const old of byAge(PREFIX).reverse()) {
    if (old.key === key) continue;
    drop(old.key);
    if (put()) return;
  }
}

/** Holds a lock with this name until the returned function is called. */
function hold(name) {
  let release;
  const released = new Promise((resolve) => { release = resolve; });
  navigator.locks?.request(name, () => released).catch(() => {});
  return release;
}

const WINDOW = `${PREFIX}window`;
const random = () => crypto.getRandomValues(new Uint32Array(2)).join("-");

/** The name of this window. It survives a reload, and a crash from which the browser recovers. */
function nameWindow(isNew) {
  const name = (!isNew && attempt(() => sessionStorage.getItem(WINDOW))) || random();
  attempt(() => sessionStorage.setItem(WINDOW, name));
  return name;
}

const RESTORED =
  'Restored<span class="wide"> unsaved text</span>. <button type="button" class="button small quiet">Discard</button>';

let ended = false;

function keep(form, held) {
  const prefix = `${own}${form.dataset.keep}:`;
  let key = prefix + nameWindow(false);
  // A duplicated window has the same name.
  if (held.has(key)) key = prefix + nameWindow(true);
  form.kept = key;
  // The browser's Back would fill the form with the text of another version. It keeps doing so where
  // this script cannot keep the text.
  if (attempt(() => localStorage)) form.autocomplete = "off";
  const hidden = HIDDEN.map((name) => form.elements.namedItem(name)).filter(Boolean);
  const made = hidden.map((field) => field.value);
  let wait = 0;
  let release = null;

  function stopWaiting() {
    clearTimeout(wait);
    wait = 0;
  }

  function letGo() {
    release?.();
    release = null;
  }

  function forget() {
    stopWaiting();
    drop(key);
    letGo();
  }

  function save() {
    stopWaiting();
    if (ended) return;
    if (!hasText(form)) return release && forget();
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
      const value = values[field.name];
      if (value === undefined) continue;
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
    }
  }

  /** Restores a kept text: the window's own, or one that no window holds. */
  function restore(isOnlyOwn = false) {
    // A text that the server has sent back, or that the browser has restored itself, is newer.
    if ("refused" in form.dataset || hasText(form)) return save();
    const { kept, by } = form.dataset;
    const isOwn = (copy) => copy.key === key;
    const isFree = (copy) =>
      isOwn(copy) || (!isOnlyOwn && navigator.locks && !held.has(copy.key));
    const isOfForm = ({ values }) =>
      !kept || values.idempotency_key === form.elements.idempotency_key?.value;
    const copies = byAge(prefix).filter((copy) => isFree(copy) && isOfForm(copy));
    const copy = copies.find(isOwn) ?? copies[0];
    if (!copy) return;
    const { at, values } = copy;
    // The newer of the two copies counts; a window saves here before it saves on the server.
    if (kept && at < Number(kept) && values.window !== by) return drop(copy.key);
    fill(values);
    if (!hasText(form)) return drop(copy.key);
    // A text that is based on an older version causes a conflict when it is saved.
    for (const field of hidden) field.value = values[field.name] ?? field.value;
    save();
    if (!isOwn(copy)) drop(copy.key);
    form.closest("details")?.setAttribute("open", "");
    if (!unsaved) offer();
    form.dispatchEvent(new Event("input"));
  }

  /** Says that text was restored, and offers to discard it. */
  function offer() {
    const note = form.querySelector(".kept");
    if (!note) return;
    note.innerHTML = RESTORED;
    note.querySelector("button").addEventListener("click", () => {
      form.reset();
      hidden.forEach((field, place) => { field.value = made[place]; });
      forget();
      note.textContent = "";
      fieldsOf(form)[0]?.focus();
    });
  }

  restore();
  unsaved?.addEventListener("submit", forget);
  // Another form has replaced this one, and saves its text.
  form.addEventListener("replaced", () => {
    stopWaiting();
    letGo();
  });
  form.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(save, PAUSE);
  });
  // A tab in the background may be closed at any time. A page that holds a lock is not put into the
  // back/forward cache.
  document.addEventListener("visibilitychange", () => wait && save());
  addEventListener("pagehide", () => {
    if (wait) save();
    letGo();
  });
  // Soon after this, WebKit resets the fields of forms whose autocomplete is off. Which texts other
  // windows hold is not known any more.
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted || renew()) return;
    restore(true);
    setTimeout(restore, 0, true);
  });
}

// ---- Sent forms ----------------------------------------------------------------------------

const SENT = `${PREFIX}sent`;
/** The most forms of a kind that are remembered as saved. */
const MOST_SAVED = 20;

/** What tells a form from later ones: the version that it changes, or the identity of a new text. */
const markOf = ({ elements }) => (elements.version ?? elements.idempotency_key)?.value;

/** The marks of the forms that this window has saved. */
const savedForms = (keep) => readWindow(`${PREFIX}saved:${keep}`) ?? [];

/** Drops the copy of a sent form if this page is its result: not the form again, as after a network
 *  failure, and not a refusal. Remembers that the form was saved. */
function settle() {
  const sent = readWindow(SENT);
  if (!sent) return;
  attempt(() => sessionStorage.removeItem(SENT));
  const isRefused = document.querySelector("[data-refused], .problems, .conflict, .failure");
  const isThere = forms.some((form) => form.dataset.keep === sent.form);
  if (isRefused || (location.href === sent.from && isThere)) return;
  drop(sent.key);
  if (!sent.mark) return;
  const saved = [...savedForms(sent.form), sent.mark].slice(-MOST_SAVED);
  writeWindow(`${PREFIX}saved:${sent.form}`, saved);
}

let isRenewed = false;

/** Opens the page anew if it has a form that was saved: the browser's Back shows it as it was, and
 *  saving it once more would conflict with itself, or be a second text. A reload would keep what the
 *  form had. */
function renew() {
  isRenewed = forms.some((form) => savedForms(form.dataset.keep).includes(markOf(form)));
  if (isRenewed) location.replace(location.pathname + location.search);
  return isRenewed;
}

let leaving = null;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || event.submitter?.formTarget) return;
  leaving = form;
  // The next page may not load: then there is text to lose again.
  setTimeout(() => { leaving = null; }, 10_000);
  if (form.kept) {
    const { kept: key, dataset } = form;
    writeWindow(SENT, { key, form: dataset.keep, mark: markOf(form), from: location.href });
  }
});

addEventListener("beforeunload", (event) => {
  const isLost = (form) => form.isConnected && form !== leaving && !leaving?.matches(".unsaved")
    && !form.dataset.keep.startsWith("comment") && hasText(form);
  if (!isRenewed && forms.some(isLost)) event.preventDefault();
});

// Signing out drops the account's copies, because somebody else may sign in here.
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
// Browsers that resist fingerprinting do not tell the type.
const type = performance.getEntriesByType("navigation")[0]?.type;
if (forms.length && !(type === "back_forward" && renew())) {
  byAge(PREFIX).forEach(({ key, at }, place) => (place >= MOST || at < Date.now() - OLDEST) && drop(key));
  const locks = await navigator.locks?.query().catch(() => null);
  const held = new Set((locks?.held ?? []).map(({ name }) => name));
  forms.forEach((form) => keep(form, held));
  // A form that is opened later, in a note's card.
  document.addEventListener("opened", ({ target }) => {
    forms.push(target);
    keep(target, held);
  });
}
