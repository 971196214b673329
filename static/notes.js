// Edits notes in their cards. The form comes from the note's edit page, and its results are the
// pages that it leads to without this script, shown in the card. Responses that this script does
// not expect are left to the browser.

const list = document.querySelector("#notes");
const say = (text) => (document.querySelector("#announcer").textContent = text);
const page = { headers: { accept: "text/html" }, cache: "no-cache" };
/** How long to wait for the feed to deliver the saved card before the page is fetched. */
const NEWS_WITHIN = 1500;

const pageOf = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");

/** The content of a page for a card, without its heading. Ids get a prefix: the page with the list
 *  has a form with the same ids. */
function contentOf(page, id) {
  const main = page.querySelector("main");
  if (!main?.querySelector("form.write")) return null;
  main.querySelectorAll("h1, .notices, #announcer, #arrivals").forEach((part) => part.remove());
  for (const part of main.querySelectorAll("*")) {
    for (const name of ["id", "for", "aria-describedby", "aria-labelledby"]) {
      const value = part.getAttribute(name);
      if (value) part.setAttribute(name, value.split(" ").map((word) => `${id}-${word}`).join(" "));
    }
  }
  return [...main.children].map((child) => document.importNode(child, true));
}

/** The cards that are edited. */
const edited = new Set();
const isPlain = ({ button, ctrlKey, metaKey, shiftKey, altKey }) =>
  button === 0 && !(ctrlKey || metaKey || shiftKey || altKey);

/** Opens the form of this address in a note's card. */
async function edit(card, address) {
  const box = document.createElement("div");
  box.className = "editor";
  const status = document.createElement("p");
  status.className = "hint status";
  status.setAttribute("role", "status");
  status.tabIndex = -1;
  const tell = (text) => (status.textContent = text);
  const listening = new AbortController();
  const on = (target, name, listener) =>
    target.addEventListener(name, listener, { signal: listening.signal });
  let isBusy = false;
  let isSaved = false;
  let isGone = false;
  /** The card's newer version, which has arrived meanwhile. */
  let newer = null;

  /** Shows a page's form; false if it has none. */
  function show(page) {
    const content = contentOf(page, `edit-${card.id}`);
    if (!content) return false;
    box.querySelector("form.write")?.dispatchEvent(new Event("replaced"));
    box.replaceChildren(status, ...content);
    card.dataset.editing = "";
    if (!box.isConnected) card.append(box);
    const form = box.querySelector("form.write");
    form.dispatchEvent(new Event("opened", { bubbles: true }));
    (form.querySelector("[aria-invalid]") ?? form.querySelector("[name=title]")).focus();
    return true;
  }

  async function submit(event) {
    const { target: form, submitter } = event;
    if (form.method !== "post" || "plain" in form.dataset) return;
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    tell("Saving…");
    const target = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(target, { ...page, method: "POST", body }).catch(() => null);
    isBusy = false;
    delete form.dataset.sent;
    if (!answer) return tell("Not saved: the server cannot be reached. Your text is still here.");
    const isSignIn = /\/login$/.test(new URL(answer.url).pathname);
    if (answer.redirected && answer.ok && !isSignIn) return saved(form);
    if ([200, 409, 422].includes(answer.status) && show(await pageOf(answer))) {
      if (answer.status !== 409) return tell("");
      tell("Another version was saved.");
      return status.focus();
    }
    // Send the form without this script: the result page says what is wrong, and keeps the text.
    form.dataset.plain = "";
    form.requestSubmit(submitter);
  }

  function saved(form) {
    // Drop the browser's copy of the text, including one from an earlier form in this card.
    form.reset();
    form.dispatchEvent(new Event("input"));
    try {
      localStorage.removeItem(form.kept);
    } catch {
      // Without storage there is no copy.
    }
    say("Saved.");
    isSaved = true;
    if (newer) return close();
    tell("Saved.");
    setTimeout(() => {
      if (!box.isConnected) return;
      close();
      document.dispatchEvent(new Event("outdated"));
    }, NEWS_WITHIN);
  }

  /** Closes the form and shows the card, in its newer version if there is one. */
  function close() {
    listening.abort();
    const had = box.contains(document.activeElement);
    box.remove();
    delete card.dataset.editing;
    edited.delete(card);
    if (newer) card.replaceChildren(...document.importNode(newer, true).childNodes);
    if (isGone) card.remove();
    const menu = card.querySelector(".menu");
    if (menu) menu.open = false;
    if (had) (menu?.querySelector("summary") ?? card.querySelector("a"))?.focus();
  }

  on(box, "submit", submit);
  on(box, "keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    close();
  });
  on(box, "click", (event) => {
    if (!event.target.closest(".actions > a") || !isPlain(event)) return;
    event.preventDefault();
    close();
  });
  on(card, "newer", ({ detail }) => {
    newer = detail;
    if (isSaved) close();
    else if (!isBusy) tell("This note was changed since you opened it. Saving shows both versions.");
  });
  on(card, "withdrawn", () => {
    isGone = true;
    tell("This note was deleted while you were editing it.");
  });

  const answer = await fetch(address, page).catch(() => null);
  // The note was deleted in the meantime, and its place says so.
  if (!card.id || !card.isConnected) return void edited.delete(card);
  if (!answer) {
    close();
    box.replaceChildren(status);
    card.append(box);
    tell("The form cannot be loaded: the server cannot be reached.");
    return status.focus();
  }
  const isForm = answer.ok && !answer.redirected && show(await pageOf(answer));
  if (!isForm) location.assign(address);
}

list.addEventListener("click", (event) => {
  const link = event.target.closest(".note > .menu a[href$='/edit']");
  if (!link || !isPlain(event)) return;
  event.preventDefault();
  const card = link.closest(".note");
  if (edited.has(card)) return;
  card.querySelector(":scope > .editor")?.remove();
  edited.add(card);
  edit(card, link.href);
});
