// The place of a fragment on the page, and its controls.

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  addButtons(template.content);
  return template.content.firstElementChild;
}

function isListed(post) {
  return post.status === page.status && (!page.tag || post.tags?.includes(page.tag))
    && (!page.author || String(post.user_id) === page.author);
}

/** Items are ordered by time, and by id within a second. */
function isBefore(item, other) {
  const [time, otherTime] = [timeOf(item), timeOf(other)];
  return time === otherTime ? numberOf(item) < numberOf(other) : time < otherTime;
}

/** Inserts a fragment into the list: in place of its older version, or by its time. An item that
 *  belongs to another page of the list is left out. */
function place(item) {
  const list = listOfPage();
  const newestFirst = kind !== "post";
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

/** Adds the controls that the page has for items that its reader may change. */
function addMenu(item, name, data) {
  const menu = data.state ? `${name}-${data.state}` : name;
  const template = one(`template[data-menu="${menu}"]`);
  const isOwn = data.user_id === undefined
    ? data.author === page.account
    : String(data.user_id) === page.user;
  if (!template) return item;
  const controls = copyOf(template.content);
  const mayAll = "all" in template.dataset || one("[data-may=moderate]", controls);
  if (!isOwn && !mayAll) return item;
  if (isOwn || data.user_id === null) one("[data-may=block]", controls)?.remove();
  for (const part of all("[href], [action]", controls)) {
    const name = part.matches("form") ? "action" : "href";
    part.setAttribute(name, part.getAttribute(name).replace("/0/", `/${data.id}/`));
  }
  for (const seen of all("[name=seen]", controls)) seen.value = data.body_digest;
  item.append(controls);
  return item;
}

/** The number of comments in a card or a header. */
const countOf = (part) => part?.querySelector("[data-comments]");

/** Comments that were created and deleted while the page was disconnected, and never counted. */
const uncounted = new Set();

/** Comments that only moderators see and that are not counted. */
const withheld = new Set();

/** Updates the number of visible comments on the page. */
function countComment(shown, { event, data }) {
  const link = countOf(shown);
  if (event === "comment_created" && data.redacted) uncounted.add(data.id);
  if (!link || data.redacted || (event === "comment_deleted" && uncounted.delete(data.id))) return;
  const isDeleted = event === "comment_deleted";
  const did = event !== "comment_created" && !withheld.delete(data.id);
  const does = !isDeleted && data.state === "visible";
  if (!isDeleted && !does) withheld.add(data.id);
  const number = Math.max(0, (parseInt(link.textContent, 10) || 0) + does - did);
  link.textContent = number ? several(number, "comment") : "No comments";
}
