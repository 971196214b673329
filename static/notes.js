// Edits notes in their cards. The form comes from the note's edit page, and its results are the
// pages that it leads to without this script, shown in the card. Responses that this script does
// not expect are left to the browser.

const list = document.querySelector("#notes");
const say = (text) => (document.querySelector("#announcer").textContent = text);
const CHANGED = "This note was changed since you opened it. Saving shows both versions.";
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
      if (value) part.setAttribute(name, value.split(" ").map((word) => id + "-" + word).join(" "));
    }
  }
  return [...main.children].map((child) => document.importNode(child, true));
}

class Editor {
  constructor(card, link) {
    this.card = card;
    this.href = link.href;
    this.box = document.createElement("div");
    this.box.className = "editor";
    this.status = document.createElement("p");
    this.status.className = "hint status";
    this.status.setAttribute("role", "status");
    this.status.tabIndex = -1;
    this.listening = new AbortController();
    const { signal } = this.listening;
    const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
    on(this.box, "submit", (event) => this.submit(event));
    on(this.box, "keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.preventDefault();
      this.close();
    });
    on(this.box, "click", (event) => {
      const cancel = event.target.closest(".actions > a");
      if (!cancel || !isPlain(event)) return;
      event.preventDefault();
      this.close();
    });
    on(card, "newer", ({ detail }) => {
      this.newer = detail;
      if (this.isSaved) this.close();
      else if (!this.isBusy) this.tell(CHANGED);
    });
    on(card, "withdrawn", () => {
      this.isGone = true;
      this.tell("This note was deleted while you were editing it.");
    });
  }

  tell(text) {
    this.status.textContent = text;
  }

  /** Shows a page's form; false if it has none. */
  show(page) {
    const content = contentOf(page, "edit-" + this.card.id);
    if (!content) return false;
    this.box.querySelector("form.write")?.dispatchEvent(new Event("replaced"));
    this.box.replaceChildren(this.status, ...content);
    this.card.dataset.editing = "";
    if (!this.box.isConnected) this.card.append(this.box);
    const form = this.box.querySelector("form.write");
    form.dispatchEvent(new Event("opened", { bubbles: true }));
    const wrong = form.querySelector("[aria-invalid]") ?? form.querySelector("[name=title]");
    wrong.focus();
    return true;
  }

  async open() {
    const answer = await fetch(this.href, page).catch(() => null);
    // The note was deleted in the meantime, and its place says so.
    if (!this.card.id || !this.card.isConnected) return void editors.delete(this.card);
    if (!answer) {
      this.close();
      this.box.replaceChildren(this.status);
      this.card.append(this.box);
      this.tell("The form cannot be loaded: the server cannot be reached.");
      return this.status.focus();
    }
    const isForm = answer.ok && !answer.redirected && this.show(await pageOf(answer));
    if (!isForm) location.assign(this.href);
  }

  async submit(event) {
    const form = event.target;
    if (form.method !== "post" || "plain" in form.dataset) return;
    event.preventDefault();
    if (this.isBusy) return;
    this.isBusy = true;
    this.tell("Saving…");
    const { submitter } = event;
    const address = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
    const body = new URLSearchParams(new FormData(form));
    const sent = { method: "POST", body, headers: { accept: "text/html" } };
    const answer = await fetch(address, sent).catch(() => null);
    this.isBusy = false;
    delete form.dataset.sent;
    if (!answer) {
      return this.tell("Not saved: the server cannot be reached. Your text is still here.");
    }
    if (answer.redirected && answer.ok && !/\/login$/.test(new URL(answer.url).pathname)) {
      return this.saved(form);
    }
    const isForm = [200, 409, 422].includes(answer.status) && this.show(await pageOf(answer));
    if (isForm) {
      if (answer.status !== 409) return this.tell("");
      this.tell("Another version was saved.");
      this.status.focus();
      return;
    }
    // Send the form without this script: the result page says what is wrong, and keeps the text.
    form.dataset.plain = "";
    form.requestSubmit(submitter);
  }

  saved(form) {
    // Drop the browser's copy of the text, including one from an earlier form in this card.
    form.reset();
    form.dispatchEvent(new Event("input"));
    try {
      localStorage.removeItem(form.kept);
    } catch {
      // Without storage there is no copy.
    }
    say("Saved.");
    this.isSaved = true;
    if (this.newer) return this.close();
    this.tell("Saved.");
    setTimeout(() => {
      if (!this.box.isConnected) return;
      this.close();
      document.dispatchEvent(new Event("outdated"));
    }, NEWS_WITHIN);
  }

  /** Closes the form and shows the card, in its newer version if there is one. */
  close() {
    this.listening.abort();
    const had = this.box.contains(document.activeElement);
    this.box.remove();
    delete this.card.dataset.editing;
    editors.delete(this.card);
    if (this.newer) this.card.replaceChildren(...document.importNode(this.newer, true).childNodes);
    if (this.isGone) this.card.remove();
    const menu = this.card.querySelector(".menu");
    if (menu) menu.open = false;
    if (had) (menu?.querySelector("summary") ?? this.card.querySelector("a"))?.focus();
  }
}

const editors = new Map();
const isPlain = ({ button, ctrlKey, metaKey, shiftKey, altKey }) =>
  button === 0 && !(ctrlKey || metaKey || shiftKey || altKey);

list.addEventListener("click", (event) => {
  const link = event.target.closest(".note > .menu a[href$='/edit']");
  if (!link || !isPlain(event)) return;
  event.preventDefault();
  const card = link.closest(".note");
  if (editors.has(card)) return;
  card.querySelector(":scope > .editor")?.remove();
  const editor = new Editor(card, link);
  editors.set(card, editor);
  editor.open();
});
