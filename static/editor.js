// The form of a post. Saves the typed text on the server, as a working copy of the account, and
// inserts pictures. The form works without it; static/drafts.js owns the copies in the browser.

const form = document.querySelector("form[data-keep^=post]");
const { title, body, copy, window: tab } = form.elements;
const one = (selector) => form.querySelector(selector);
const tell = (text) => (one(".told").textContent = text);
const note = (text) => (one(".noted").textContent = text);
one(".tools").hidden = false;

// ---- The working copy ----------------------------------------------------------------------

/** The pause in typing before an autosave, and the shortest time between two of them. */
const PAUSE = 3000;
const GAP = 10_000;
/** The most bytes that a browser still sends for a page that is being closed. */
const SMALL = 60_000;

const fields = [...form.elements].filter(({ name, type }) => name && /^(text|textarea|radio|datetime-local)$/.test(type));
const read = (value, checked) => JSON.stringify(fields.map((field) => (field.type === "radio" ? field[checked] : field[value])));
const typed = () => read("value", "checked");

let kept = read("defaultValue", "defaultChecked");
let since = 0;
let last = 0;
let timer = 0;
let busy = false;
let ended = !form.dataset.copy;
/** True after the form is sent, which leads to another page. */
let leaving = false;
/** The time after which the other page is taken to have failed to load. */
const LEAVES_WITHIN = 10_000;
if (tab) tab.value ||= crypto.getRandomValues(new Uint32Array(2)).join("-");

/** Schedules an autosave: after a pause, or after a while of continuous typing. */
function touch() {
  for (const other of document.querySelectorAll("[data-key]")) {
    other.hidden = other.dataset.key === form.elements.idempotency_key?.value;
  }
  if (ended || busy || typed() === kept) return;
  clearTimeout(timer);
  const now = Date.now();
  since ||= now;
  timer = setTimeout(keep, Math.max(last + GAP, Math.min(now + PAUSE, since + GAP)) - now);
}

async function keep() {
  clearTimeout(timer);
  const text = typed();
  if (ended || leaving || busy || text === kept) return;
  busy = true;
  since = 0;
  last = Date.now();
  const sent = new URLSearchParams(new FormData(form));
  try {
    const answer = await fetch(form.dataset.copy, {
      method: "POST", headers: { accept: "application/json" }, body: sent, keepalive: `${sent}`.length < SMALL,
    });
    if (answer.ok) {
      copy.value = (await answer.json()).copy;
      kept = text;
      note(`Kept at ${new Date().toTimeString().slice(0, 5)}`);
      // Makes the copy in the browser store the new id.
      form.dispatchEvent(new Event("input"));
    } else if (answer.status !== 429 && answer.status < 500) {
      ended = true;
      const { error } = await answer.json();
      note("");
      tell(`Not kept on the server: ${error ?? "the text is too long"}.`);
    }
  } catch {
    // The next autosave retries.
  }
  busy = false;
  touch();
}

form.addEventListener("input", touch);
document.addEventListener("visibilitychange", () => document.hidden && keep());

// ---- Pictures ------------------------------------------------------------------------------

const waiting = [];
let count = 0;
let sending = false;

/** Replaces a part of the text and keeps the selection as `mode` says. */
function put(text, from, to, mode) {
  body.setRangeText(text, from, to, mode);
  body.dispatchEvent(new Event("input", { bubbles: true }));
}

function swap(mark, text) {
  const at = body.value.indexOf(mark);
  if (at >= 0) put(text, at, at + mark.length, "preserve");
}

function send(file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${document.body.dataset.root}/api/uploads`);
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => progress(Math.floor(loaded / total * 10) * 10);
    request.onload = () => {
      const { status, response } = request;
      if (status === 201) resolve(response.url);
      else reject(response?.error ?? `status ${status}`);
    };
    request.onerror = () => reject("upload failed; the file may be too large");
    request.send(file);
  });
}

/** Uploads pictures sequentially, and inserts each where the caret was. */
async function take(files) {
  const failed = [];
  for (const file of files) {
    if (!file.type.startsWith("image/")) {
      failed.push(`${file.name}: not a picture`);
      continue;
    }
    const name = file.name.replace(/\.\w+$/, "").replaceAll("[", "(").replaceAll("]", ")").replaceAll("\\", "/");
    count += 1;
    const mark = `![${name}](uploading-${count})`;
    put(`${mark}\n`, body.selectionStart, body.selectionEnd, "end");
    waiting.push({ file, name, mark });
  }
  if (failed.length) tell(`${failed.join("; ")}.`);
  if (sending) return;
  sending = true;
  for (let number = 1; waiting.length; number += 1) {
    const { file, name, mark } = waiting.shift();
    const of = `${file.name} (${number} of ${number + waiting.length})`;
    const progress = (part) => tell(`Uploading ${of}: ${part} %`);
    progress(0);
    try {
      swap(mark, `![${name}](${await send(file, progress)})`);
    } catch (reason) {
      swap(mark, "");
      failed.push(`${file.name}: ${reason}`);
    }
  }
  sending = false;
  tell(failed.length ? `Not added: ${failed.join("; ")}.` : "Added.");
}

body.addEventListener("paste", (event) => {
  const { files, types } = event.clipboardData;
  if (!files.length || types.includes("text/plain")) return;
  event.preventDefault();
  take(files);
});
body.addEventListener("dragover", (event) => {
  if (event.dataTransfer.types.includes("Files")) event.preventDefault();
});
body.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  take(event.dataTransfer.files);
});
one("input[type=file]").addEventListener("change", ({ target }) => {
  take([...target.files]);
  target.value = "";
  body.focus();
});

// ---- The form ------------------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  if (event.submitter?.formTarget) return;
  clearTimeout(timer);
  if (sending) {
    event.preventDefault();
    tell("Wait until the pictures are uploaded, then save.");
    return;
  }
  leaving = true;
  setTimeout(() => {
    leaving = false;
    touch();
  }, LEAVES_WITHIN);
});

// The time of publication is in UTC. Its equivalent helps writers elsewhere.
const due = form.elements.publish_at;
const language = navigator.languages.find((name) => /^en\b/.test(name)) ?? "en-GB";
const local = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
function translate() {
  const time = new Date(`${due.value}Z`);
  const text = due.value && time.getTimezoneOffset() ? `In your time zone: ${local.format(time)}` : "";
  const place = one(".local");
  // Setting an equal text could announce it again.
  if (place.textContent !== text) place.textContent = text;
}
if (due) {
  translate();
  form.addEventListener("input", translate);
  form.addEventListener("reset", () => setTimeout(translate));
}

// Enter in the title moves to the text.
title.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  body.focus();
});
