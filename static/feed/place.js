// The place of a fragment on the page, and its controls.

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function isListed(post) {
  return post.status === page.status && (!page.tag || post.tags?.includes(page.tag))
    && (!page.author || String(post.user_id) === page.author);
}

/** Items are ordered by time, and by id within a second. */
function isBefore(one, other) {
  const [first, second] = [one, other].map((item) => item.querySelector("time").dateTime);
  const number = (item) => Number(item.id.replace(/\D+/, ""));
  return first === second ? number(one) < number(other) : first < second;
}

/** Inserts a fragment into its list: in place of its older version, or by its time. An item that
 *  belongs to another page of the list is left out. */
function place(list, item, newestFirst) {
  gone.delete(item.id);
  // A restored item returns to its former place.
  const left = withdrawn.get(item.id);
  withdrawn.delete(item.id);
  const old = byId(item.id) ?? (left?.isConnected ? left : null);
  if (old) return changeInPlace(old, () => merge(old, item));
  const isAfter = (other) => isBefore(item, other) !== newestFirst;
  // Most items are added at one end.
  const last = list.lastElementChild;
  const isAtEnd = !newestFirst && last?.id && !isAfter(last);
  const items = isAtEnd ? [] : [...list.children].filter((other) => other.id);
  const next = items.find(isAfter);
  if (!next && beside(list, "[rel=next]")) return;
  if (!isAtEnd && next === items[0] && !("first" in page)) return;
  insert(list, item, next ?? null);
}

function isAtEndOfThread() {
  return !beside(byId("comments"), "[rel=next]");
}

/** Adds the controls that the page has for items that its reader may change. */
function addMenu(item, name, data, mayAll) {
  const menu = data.state ? `${name}-${data.state}` : name;
  const template = document.querySelector(`template[data-menu="${menu}"]`);
  if (!template) return item;
  const controls = document.importNode(template.content, true);
  const isOwn = data.user_id === undefined
    ? data.author === page.account
    : data.user_id !== null && String(data.user_id) === page.user;
  if (!mayAll(template) && !isOwn) return item;
  if (isOwn || data.user_id === null) controls.querySelector("[data-may=block]")?.remove();
  for (const part of controls.querySelectorAll("[href], [action]")) {
    for (const name of ["href", "action"]) {
      const address = part.getAttribute(name);
      if (address) part.setAttribute(name, address.replace(/\/0\//, `/${data.id}/`));
    }
  }
  for (const seen of controls.querySelectorAll("[name=seen]")) seen.value = data.body_digest;
  item.append(controls);
  return item;
}

/** Comments that were created and deleted while the page was disconnected, and never counted. */
const uncounted = new Set();

/** Comments that only moderators see and that are not counted. */
const withheld = new Set();

/** Updates the number of visible comments on the page. */
function countComment(shown, { event, data }) {
  const link = shown?.querySelector("[data-comments]");
  if (event === "comment_created" && data.redacted) uncounted.add(data.id);
  if (!link || data.redacted || (event === "comment_deleted" && uncounted.delete(data.id))) return;
  const did = event !== "comment_created" && !withheld.delete(data.id);
  const does = event !== "comment_deleted" && data.state === "visible";
  if (event !== "comment_deleted" && !does) withheld.add(data.id);
  const change = does - did;
  const number = Math.max(0, (parseInt(link.textContent, 10) || 0) + change);
  link.textContent = number ? several(number, "comment") : "No comments";
}
