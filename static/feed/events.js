// The effect of an event on each kind of page.

/** The comment counts of cards that were removed; a card that is restored gets its count back. */
const counts = new Map();

const take = {
  posts({ channel, event, data, html }) {
    const shown = byId(`post-${channel === "comments" ? data.post_id : data.id}`);
    if (channel === "comments") {
      if (shown && !data.redacted && !shown.querySelector("[data-comments]")) refresh();
      else countComment(shown, { event, data });
    }
    if (channel !== "posts" || data.redacted) return;
    if (event === "post_deleted" || !isListed(data)) {
      if (event === "post_deleted") gone.add(`post-${data.id}`);
      const count = shown?.querySelector("[data-comments]");
      if (count) counts.set(data.id, count);
      if (shown) withdraw(shown, event === "post_deleted" ? "This post was deleted." : "This post has moved.");
      return;
    }
    gone.delete(`post-${data.id}`);
    if (!html) return refresh();
    const card = fragment(html);
    // The event of a post that is not new does not have the number of its comments. A card that
    // has none is fetched when the number changes.
    const count = shown?.querySelector("[data-comments]") ?? counts.get(data.id);
    if (count) {
      card.querySelector("[data-comments]")?.remove();
      card.querySelector(".meta").append(" ", count.cloneNode(true));
    }
    place(byId("posts"), card, true);
  },

  post({ channel, event, data, html }) {
    if (channel === "posts" && String(data.id) === page.post && !data.redacted) {
      const isGone = event === "post_deleted";
      if (isGone) tell("This post was deleted. Your text is still here.");
      else if ("gone" in page) tell("This post is back.");
      if (isGone) page.gone = "";
      else delete page.gone;
      if (isGone) return;
      tellOfLock(data.comments_locked);
      if (html) changePost(data, fragment(html));
      else refresh();
    }
    const id = `comment-${data.id}`;
    if (channel === "comments" && (data.redacted || String(data.post_id) === page.post)) {
      countComment(document.querySelector("article.post header"), { event, data });
    }
    if (channel !== "comments" || data.redacted || String(data.post_id) !== page.post) return;
    if (event === "comment_deleted") {
      gone.add(id);
      const shown = byId(id);
      if (shown) withdraw(shown, "This comment was deleted.");
    } else if (html) {
      const mayAll = (template) => template.content.querySelector("[data-may=moderate]");
      const comment = addMenu(fragment(html), "comment", data, mayAll);
      place(byId("comments"), comment, false);
    } else {
      gone.delete(id);
      refresh();
    }
  },

  moderation({ channel, event, data }) {
    const id = `comment-${data.id}`;
    if (channel === "comments" && (byId(id) || data.state === "held")) refresh();
    if (["post_deleted", "post_published"].includes(event)) refresh();
  },

  notes({ channel, event, data, html }) {
    if (channel !== "notes" || data.redacted) return;
    const id = `note-${data.id}`;
    if (event === "note_deleted") {
      gone.add(id);
      const shown = byId(id);
      if (shown) withdraw(shown, "This note was deleted.");
    } else if (html) {
      const note = addMenu(fragment(html), "note", data, (template) => "all" in template.dataset);
      place(byId("notes"), note, true);
    } else {
      refresh();
    }
  },

  note({ event, data }) {
    if (String(data.id) !== page.note) return;
    if (event === "note_deleted") tell("This note was deleted.");
    else refresh();
  },

  "edit-post"({ channel, event, data }) {
    if (channel !== "posts" || String(data.id) !== page.post) return;
    tell(event === "post_deleted"
      ? "This post was deleted while you were editing it."
      : "This post was changed since you opened it. Saving shows both versions.");
  },

  "edit-note"({ event, data }) {
    if (String(data.id) !== page.note) return;
    tell(event === "note_deleted"
      ? "This note was deleted while you were editing it."
      : "This note was changed since you opened it. Saving shows both versions.");
  },
};

/** Tells the reader when comments are locked or unlocked. */
function tellOfLock(isLocked) {
  if (isEmbedded || isLocked === "locked" in page) return;
  if (isLocked) page.locked = "";
  else delete page.locked;
  const form = byId("comment-body");
  if (!isLocked) tell(form ? "Comments are open again." : "Comments are open again. Reload the page to write one.");
  else if (form) tell(form.value ? "Comments are locked now. Your text is still here." : "Comments are locked now.");
}

/** A time as the server writes it. */
const utc = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "medium", timeZone: "UTC" });

/** Updates the header of an open post from its card, and fetches the text if it has changed. */
function changePost(data, card) {
  const article = document.querySelector("article.post");
  const header = article.querySelector("header");
  const title = header.querySelector("h1");
  document.title = `${data.title} · ${page.site}`;
  changeInPlace(header, () => {
    title.textContent = data.title;
    for (const [selector, parent] of [["ul.tags", header], [".meta > .badge", header.querySelector(".meta")]]) {
      const [old, wanted] = [header, card].map((part) => part.querySelector(selector)?.cloneNode(true));
      if (old && wanted) header.querySelector(selector).replaceWith(wanted);
      else if (wanted) parent.append(wanted);
      else header.querySelector(selector)?.remove();
    }
    const changed = header.querySelector(".changed");
    changed.hidden = data.updated_at <= (data.published_at ?? data.inserted_at);
    const time = changed.querySelector("time");
    time.dateTime = `${data.updated_at.slice(0, 19)}Z`;
    time.title = `${utc.format(new Date(time.dateTime)).replace(" at", ",")} UTC`;
    time.textContent = "just now";
  });
  fetchText(data.body_digest);
}
