// Behaviour of forms, menus and links on every page.

// A second click does not send a form twice.
on("submit", (event) => {
  const form = event.target;
  // A form with a target opens another tab, and may be sent again.
  if (form.method !== "post" || event.defaultPrevented || event.submitter?.formTarget) return;
  if ("sent" in form.dataset) return event.preventDefault();
  form.dataset.sent = "";
  setTimeout(() => delete form.dataset.sent, 3000);
  // While the feed is connected, the server can be reached.
  if (!("keep" in form.dataset) || feed?.state === "live" || form === reached) return;
  event.preventDefault();
  sendIfReachable(form, event.submitter);
});

/** The form whose server has just answered. */
let reached = null;

/** Sends a text only if the server answers: the browser's error page would take its place. */
async function sendIfReachable(form, submitter) {
  try {
    await fetch(`${page.root}/health/ready`, { cache: "no-store" });
  } catch {
    delete form.dataset.sent;
    return tell("Not sent: the server cannot be reached. Your text is still here.");
  }
  delete form.dataset.sent;
  reached = form;
  form.requestSubmit(submitter);
  reached = null;
}

// The script that saves typed text is needed on pages with a form, and wherever a text is saved: it
// may have been sent, or its account may sign out.
function keepsText() {
  const prefix = `kilonova${page.root}:`;
  try {
    return `${prefix}sent` in sessionStorage || Object.keys(localStorage).some((key) => key.startsWith(prefix));
  } catch {
    return false;
  }
}

if (page.drafts && (one("form[data-keep]") || keepsText())) import(page.drafts);

/** Escape closes an open menu and focuses its button; a click elsewhere closes it too. */
function closeMenus(except) {
  for (const menu of all(".menu[open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}

on("click", ({ target }) => closeMenus(target));
on("keydown", ({ key, target }) => {
  if (key !== "Escape") return;
  const menu = target.closest?.(".menu[open]");
  closeMenus();
  menu?.querySelector("summary").focus();
});

/** Lets the server find the page of the thread that has the comment in the address. */
function seekComment() {
  const [hash, id] = /^#comment-(\d+)$/.exec(location.hash) ?? [];
  if (!id || kind !== "post") return;
  // In a long thread, the first jump is by estimated heights.
  if ("long" in byId("comments").dataset) setTimeout(() => one(hash)?.scrollIntoView(), 100);
  const search = `?comment=${id}`;
  if (!one(hash) && location.search !== search) location.replace(search + hash);
}

addEventListener("hashchange", seekComment);
seekComment();
