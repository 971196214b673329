// Updates a part of the page to its newer version with few changes.

/** Attributes that the reader or this script changes, and that the server does not know. */
const own = new Set(["open", "data-fresh", "data-long", "data-new", "data-waiting"]);

/** True if a form is open in place of the content; it gets an event with the newer version. */
const isEdited = (element) => element.dataset && "editing" in element.dataset;

/** Makes `old` equal to `wanted` with few changes. */
function merge(old, wanted) {
  if (isEdited(old)) return void old.dispatchEvent(new CustomEvent("newer", { detail: wanted }));
  // The parts of a long text are compared below, each once.
  if (!old.matches?.(".text, .prose") && old.isEqualNode(wanted)) return;
  // Its text is in the reader's time zone.
  if (old.nodeName === "TIME" && old.dateTime === wanted.dateTime) return;
  if (old.nodeName !== wanted.nodeName) return old.replaceWith(copyOf(wanted));
  if (!old.matches) return void (old.nodeValue = wanted.nodeValue);
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
  const staying = new Set([...wanted.children].map((child) => child.id));
  const known = new Map();
  for (const child of [...old.children].filter(({ id }) => id)) {
    if (staying.has(child.id)) known.set(child.id, child);
    else withdraw(child);
  }
  let at = old.firstChild;
  const drop = () => {
    const dropped = at;
    at = at.nextSibling;
    dropped.remove();
  };
  for (const child of wanted.childNodes) {
    let match;
    if (child.id) {
      match = known.get(child.id);
      while (match && at && at !== match && !at.id) drop();
    } else if (at && !at.id && at.nodeName === child.nodeName) {
      match = at;
    }
    if (!match) {
      const copy = copyOf(child);
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

/** The sources of blocks, until their text is changed. */
const sources = new WeakMap();

function sourceOf(block) {
  if (!sources.has(block)) sources.set(block, block.outerHTML);
  return sources.get(block);
}

/** The number of blocks whose sources are computed without a pause. */
const READ = 100;

/** Computes the sources of two texts in parts, before one is changed to the other. */
async function readSources(...texts) {
  const blocks = texts.flatMap((text) => [...one(".prose", text).children]);
  for (let at = 0; at < blocks.length; at += READ) {
    if (at && !isHidden()) await sleep(0);
    blocks.slice(at, at + READ).forEach(sourceOf);
  }
}

/** The place in `before` of each source in `after` that stays, or null. Sources that occur once in
 *  both are matched first, as many as keep their order; a repeated one, such as a rule, is only
 *  matched beside a match. */
function matches(before, after) {
  const once = (texts) => {
    const places = new Map();
    texts.forEach((source, place) => places.set(source, places.has(source) ? null : place));
    return places;
  };
  const [old, wanted] = [once(before), once(after)];
  const ends = [];
  after.forEach((source, index) => {
    const place = old.get(source) ?? null;
    if (place === null || wanted.get(source) === null) return;
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle].place < place) low = middle + 1;
      else high = middle;
    }
    ends[low] = { index, place, previous: ends[low - 1] };
  });
  const stays = after.map(() => null);
  for (let end = ends.at(-1); end; end = end.previous) stays[end.index] = end.place;
  const used = new Set(stays);
  const extend = (index, near, step) => {
    const place = stays[near] + step;
    if (stays[index] !== null || (stays[near] ?? null) === null || used.has(place)) return;
    if (before[place] !== after[index]) return;
    stays[index] = place;
    used.add(place);
  };
  for (let index = 1; index < after.length; index += 1) extend(index, index - 1, 1);
  for (let index = after.length - 2; index >= 0; index -= 1) extend(index, index + 1, -1);
  return stays;
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
  // The blocks that stay keep their order.
  const stays = matches(before.map(sourceOf), after.map(sourceOf));
  let next = 0;
  const dropUntil = (place) => {
    while (next < place) before[next++].remove();
  };
  after.forEach((child, index) => {
    const place = stays[index];
    if (place !== null) {
      dropUntil(place);
      next += 1;
      return;
    }
    const limit = stays.slice(index).find((place) => place !== null) ?? before.length;
    const changed = before[next];
    if (next < limit && changed.nodeName === child.nodeName) {
      next += 1;
      merge(changed, child);
    } else {
      old.insertBefore(copyOf(child), before[next] ?? rest);
    }
  });
  dropUntil(before.length);
  for (const child of old.children) sources.delete(child);
}
