// The effect of an event on each kind of page.

/** The comment counts of cards that were removed; a card that is restored gets its count back. */
const counts = new Map();

/** Removes a deleted post, comment or note. */
function removeItem(name, id) {
  gone.add(`${name}-${id}`);
  const shown = byId(`${name}-${id}`);
  if (shown) withdraw(shown, `This ${name} was deleted.`);
}

/** Shows a comment or note, or removes it. */
function takeItem(name, { event, data, html }) {
  if (event === `${name}_deleted`) return removeItem(name, data.id);
  if (html) return place(addMenu(fragment(html), name, data));
  gone.delete(`${name}-${data.id}`);
  refresh();
}

/** Tells a writer that saving may be a conflict. */
const tellOfChange = (change) => tell(`This ${change} since you opened it. Saving shows both versions.`);

function tellWriter(name, isDeleted) {
  if (isDeleted) tell(`This ${name} was deleted while you were editing it.`);
  else tellOfChange(`${name} was changed`);
}

const take = {
  posts({ channel, event, data, html }) {
    const shown = byId(`post-${channel === "comments" ? data.post_id : data.id}`);
    const count = countOf(shown);
    if (channel === "comments") {
      if (shown && !data.redacted && !count) refresh();
      else countComment(shown, { event, data });
    }
    if (channel !== "posts" || data.redacted) return;
    const isDeleted = event === "post_deleted";
    if (isDeleted || !isListed(data)) {
      if (count) counts.set(data.id, count);
      if (isDeleted) removeItem("post", data.id);
      else if (shown) withdraw(shown, "This post has moved.");
      return;
    }
    gone.delete(`post-${data.id}`);
    if (!html) return refresh();
    const card = fragment(html);
    // The event of a post that is not new does not have the number of its comments. A card that
    // has none is fetched when the number changes.
    const known = count ?? counts.get(data.id);
    if (known) {
      countOf(card)?.remove();
      one(".meta", card).append(" ", known.cloneNode(true));
    }
    place(card);
  },

  post(frame) {
    const { channel, event, data, html } = frame;
    if (channel === "posts" && data.id === subject && !data.redacted) {
      const wasGone = "gone" in page;
      if (event === "post_deleted") {
        page.gone = "";
        return tell("This post was deleted. Your text is still here.");
      }
      delete page.gone;
      if (wasGone) tell("This post is back.");
      tellOfLock(data.comments_locked);
      if (html) changePost(data, fragment(html));
      else refresh();
    }
    if (channel !== "comments") return;
    const isHere = data.post_id === subject;
    if (data.redacted || isHere) countComment(one("article.post header"), frame);
    if (!data.redacted && isHere) takeItem("comment", frame);
  },

  moderation({ channel, event, data }) {
    if (channel === "comments" && (byId(`comment-${data.id}`) || data.state === "held")) refresh();
    if (["post_deleted", "post_published"].includes(event)) refresh();
  },

  notes(frame) {
    if (frame.channel === "notes" && !frame.data.redacted) takeItem("note", frame);
  },

  note({ event, data }) {
    if (data.id !== subject) return;
    if (event === "note_deleted") tell("This note was deleted.");
    else refresh();
  },

  "edit-post"({ channel, event, data }) {
    if (channel === "posts" && data.id === subject) tellWriter("post", event === "post_deleted");
  },

  "edit-note"({ event, data }) {
    if (data.id === subject) tellWriter("note", event === "note_deleted");
  },
};

/** Tells the reader when comments are locked or unlocked. */
function tellOfLock(isLocked) {
  if (isEmbedded || isLocked === "locked" in page) return;
  const form = byId("comment-body");
  if (isLocked) {
    page.locked = "";
    if (form) tell(`Comments are locked now.${form.value && " Your text is still here."}`);
  } else {
    delete page.locked;
    tell(`Comments are open again.${form ? "" : " Reload the page to write one."}`);
  }
}

/** A time as the server writes it. */
const utc = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "medium", timeZone: "UTC" });

/** Updates the header of an open post from its card, and fetches the text if it has changed. */
function changePost(data, card) {
  const header = one("article.post header");
  document.title = `${data.title} · ${page.site}`;
  changeInPlace(header, () => {
    one("h1", header).textContent = data.title;
    for (const [selector, parent] of [["ul.tags", header], [".meta > .badge", one(".meta", header)]]) {
      const old = one(selector, header);
      // The change may be made again.
      const wanted = one(selector, card)?.cloneNode(true);
      if (!wanted) old?.remove();
      else if (old) old.replaceWith(wanted);
      else parent.append(wanted);
    }
    const changed = one(".changed", header);
    changed.hidden = data.updated_at <= (data.published_at ?? data.inserted_at);
    const time = one("time", changed);
    time.dateTime = `${data.updated_at.slice(0, 19)}Z`;
    time.title = `${utc.format(new Date(time.dateTime)).replace(" at", ",")} UTC`;
    time.textContent = "just now";
  });
  fetchText(data.body_digest);
}
