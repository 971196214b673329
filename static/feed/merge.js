// Updates a part of the page to its newer version with few changes.

/** Attributes that the reader or this script changes, and that the server does not know. */
const own = new Set(["open", "data-fresh", "data-new", "data-waiting"]);

/** True if a form is open in place of the content; it gets an event with the newer version. */
const isEdited = (element) => element.dataset && "editing" in element.dataset;

/** Makes `old` equal to `wanted` with few changes. */
function merge(old, wanted) {
  if (isEdited(old)) return void old.dispatchEvent(new CustomEvent("newer", { detail: wanted }));
  // The parts of a long text are compared below, each once.
  if (!old.matches?.(".text, .prose") && old.isEqualNode(wanted)) return;
  // Its text is in the reader's time zone.
  if (old.nodeName === "TIME" && old.dateTime === wanted.dateTime) return;
  if (old.nodeName !== wanted.nodeName) return old.replaceWith(document.importNode(wanted, true));
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name) && !own.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value && !own.has(name)) old.setAttribute(name, value);
  }
  if (old.matches(".prose")) mergeText(old, wanted);
  else mergeChildren(old, wanted);
}

function mergeChildren(old, wanted) {
  const staying = new Set([...wanted.children].map((child) => child.id).filter(Boolean));
  for (const child of [...old.children]) {
    if (child.id && !staying.has(child.id)) withdraw(child);
  }
  const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = old.firstChild;
  const drop = () => {
    const next = at.nextSibling;
    at.remove();
    at = next;
  };
  for (const child of wanted.childNodes) {
    let match = null;
    if (child.id) {
      match = known.get(child.id) ?? null;
      while (match && at && at !== match && !at.id) drop();
    } else if (at && !at.id && at.nodeName === child.nodeName) {
      match = at;
    }
    if (!match) {
      const copy = document.importNode(child, true);
      if (copy.dataset && "item" in copy.dataset) insert(old, copy, at);
      else old.insertBefore(copy, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    merge(match, child);
  }
  while (at) drop();
}

/** The same for a text: paragraphs are matched by their content, so that an inserted one does not
 *  change all that follow. */
function mergeText(old, wanted) {
  let before = [...old.children];
  let after = [...wanted.children];
  if (!after.length) return mergeChildren(old, wanted);
  // Most changes leave the beginning and the end of a text equal, which is cheap to detect.
  const least = Math.min(before.length, after.length);
  let start = 0;
  while (start < least && before[start].isEqualNode(after[start])) start += 1;
  let end = 0;
  while (end < least - start && before.at(-1 - end).isEqualNode(after.at(-1 - end))) end += 1;
  const rest = before[before.length - end] ?? null;
  before = before.slice(start, before.length - end);
  after = after.slice(start, after.length - end);
  const texts = before.map((child) => child.outerHTML);
  const places = new Map();
  texts.forEach((text, place) => {
    if (!places.has(text)) places.set(text, []);
    places.get(text).push(place);
  });
  // The paragraphs that stay keep their order.
  let passed = -1;
  const stays = after.map((child) => {
    const place = places.get(child.outerHTML)?.find((place) => place > passed);
    if (place === undefined) return null;
    passed = place;
    return place;
  });
  let next = 0;
  after.forEach((child, index) => {
    const place = stays[index];
    if (place !== null) {
      while (next < place) before[next++].remove();
      next += 1;
      return;
    }
    const limit = stays.slice(index).find((place) => place !== null) ?? before.length;
    const changed = before[next];
    if (next < limit && changed.nodeName === child.nodeName) {
      next += 1;
      merge(changed, child);
    } else {
      old.insertBefore(document.importNode(child, true), before[next] ?? rest);
    }
  });
  while (next < before.length) before[next++].remove();
}
