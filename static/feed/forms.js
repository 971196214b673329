// What every page needs of its forms and links.

// A second click does not send a form twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  // What opens beside the page sends nothing from it.
  if (form.method !== "post" || event.defaultPrevented || event.submitter?.formTarget) return;
  if ("sent" in form.dataset) return event.preventDefault();
  form.dataset.sent = "";
  setTimeout(() => delete form.dataset.sent, 3000);
});

// What is typed is kept in this browser: needed where a form is, and where a text is kept, which may
// have been sent, or is to go when its account signs out.
function keepsText() {
  try {
    return Object.keys(localStorage).some((key) => key.startsWith(`kilonova${page.root}:`));
  } catch {
    return false;
  }
}

const isFormPage = page.drafts && (document.querySelector("form[data-keep]") || keepsText());
if (isFormPage) import(page.drafts);

/** An open menu closes by Escape, which leads back to its button, and by a click elsewhere. */
function closeMenus(except) {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}

document.addEventListener("click", ({ target }) => closeMenus(target));
document.addEventListener("keydown", ({ key, target }) => {
  if (key !== "Escape") return;
  const menu = target.closest?.(".menu[open]");
  closeMenus();
  menu?.querySelector("summary").focus();
});

/** A comment on another page of the thread: the server knows on which. */
function seekComment() {
  const [, id] = /^#comment-(\d+)$/.exec(location.hash) ?? [];
  const url = new URL(location.href);
  if (kind !== "post" || !id || byId(`comment-${id}`) || url.searchParams.get("comment") === id) return;
  url.search = `?comment=${id}`;
  location.replace(url);
}

addEventListener("hashchange", seekComment);
seekComment();
