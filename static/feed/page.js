// Keeps an open page true while others write, at the cost of one frame for each event. The server
// lays out what is new once for everybody (`?frame=html`); this script puts it in its place. The
// page itself is fetched again only after a gap in the log, and the text of the open post once when
// it has changed.
//
// Nothing that the reader looks at moves: what would push it away waits behind a button, what is
// deleted leaves its place behind, and an edit keeps the line being read where it is.
//
// The files of this folder are one script, in the order that src/views/assets.rs gives them. This one
// owns the page as the others find it, and the ways to tell its reader something.
//
// <body data-live> says what the page shows and data-source where to fetch it from. An element with
// data-region and an id is kept as the server has it; an element with data-item comes and goes.

import { backoff, follow } from "./client.js";

const page = document.body.dataset;
const kind = page.live;
/** In a frame of another site's page, which reads as a stranger does. */
const isEmbedded = "embed" in page;
const ofPosts = ["posts", "comments", "system"];
const ofNotes = ["notes", "system"];
const ofAdmins = ["admin", "system"];
const channels = {
  posts: ofPosts, post: isEmbedded ? ofPosts : [...ofPosts, `presence_${page.post}`], "edit-post": ofPosts,
  moderation: ofPosts, notes: ofNotes, note: ofNotes, "edit-note": ofNotes,
  admin: ofAdmins,
};

const byId = (id) => document.getElementById(id);
/** The ids of what was deleted: a page fetched before that must not bring it back. */
const gone = new Set();

function tell(text) {
  const notice = byId("notice");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small quiet";
  button.textContent = "Close";
  button.addEventListener("click", () => (notice.hidden = true));
  notice.replaceChildren(`${text} `, button);
  notice.hidden = false;
}

/** Says something to those who hear the page. */
function announce(text) {
  byId("announcer").textContent = text;
}

/** Says so when the site runs another version than the one that this page is of. When to reload is
 *  the reader's to decide: something may be half written. */
function compare(version) {
  if (version && version !== page.version) byId("version").hidden = false;
}
