// Searches while the reader types: fetches the form's result page and shows its hits. Arrow keys
// move through the hits. Without this script the form is sent.

const form = document.querySelector("form.search");
const field = form.elements.q;
const PAUSE = 200;
/** The pause after a 429 or 503 without Retry-After. */
const REST = 5000;

const one = (selector, root = document) => root.querySelector(selector);
const status = (text) => (one("#announcer").textContent = text);

function address() {
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) {
    if (value.trim()) url.searchParams.set(name, value.trim());
  }
  return url;
}

let shown = address().href;
let timer = 0;
let asking = null;
/** The time until which the server asked to wait. */
let restUntil = 0;

function soon(pause) {
  clearTimeout(timer);
  timer = setTimeout(search, Math.max(pause, restUntil - Date.now()));
}

async function search() {
  const url = address();
  asking?.abort();
  asking = null;
  if (url.href === shown) return busy(false);
  asking = new AbortController();
  const { signal } = asking;
  busy(true);
  try {
    const answer = await fetch(url, { headers: { accept: "text/html" }, signal });
    if (answer.status === 429 || answer.status === 503) return rest(answer);
    if (answer.status !== 200 && answer.status !== 422) throw new Error(answer.statusText);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"), url);
  } catch {
    if (signal.aborted) return;
    status("The search failed. Press Enter to try again.");
  }
  busy(false);
}

function rest(answer) {
  const seconds = Number(answer.headers.get("Retry-After"));
  restUntil = Date.now() + (seconds > 0 ? seconds * 1000 : REST);
  status("Too many searches at once. This one is retried automatically.");
  soon(0);
}

function busy(is) {
  one("#results").setAttribute("aria-busy", is);
}

function show(page, url) {
  const results = one("#results", page);
  if (!results) throw new Error("another page");
  const old = one("#results");
  const focused = old.contains(document.activeElement) && document.activeElement.href;
  old.replaceWith(results);
  if (focused !== false) {
    ([...results.querySelectorAll("a")].find(({ href }) => href === focused) ?? field).focus();
  }
  document.title = page.title;
  shown = url.href;
  history.replaceState(history.state, "", url);
  for (const name of ["aria-invalid", "aria-describedby"]) {
    const value = one("#q", page).getAttribute(name);
    if (value) field.setAttribute(name, value);
    else field.removeAttribute(name);
  }
  status(one("#results .count, #q-errors")?.textContent.trim() ?? "");
}

form.addEventListener("input", ({ target, isComposing }) => {
  if (!isComposing) soon(target === field ? PAUSE : 0);
});
field.addEventListener("compositionend", () => soon(PAUSE));
form.addEventListener("submit", () => {
  clearTimeout(timer);
  asking?.abort();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.isComposing) return;
  const hits = [...document.querySelectorAll(".hits h2 a")];
  const place = hits.indexOf(document.activeElement);
  const isInField = document.activeElement === field;
  let next = null;
  if (event.key === "ArrowDown" && (isInField || place >= 0)) next = hits[place + 1];
  else if (event.key === "ArrowUp" && place >= 0) next = hits[place - 1] ?? field;
  else if (event.key === "Escape" && place >= 0) next = field;
  if (!next) return;
  event.preventDefault();
  next.focus();
});
