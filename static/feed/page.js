// Keeps an open page up to date while others write, at the cost of one frame for each event. The
// server renders new content once for all readers (`?frame=html`); this script inserts it. The page
// is fetched again only after a gap in the log, and the text of the open post only when it has
// changed.
//
// Nothing in view moves: an arrival that would push it away waits behind a button, a deletion
// leaves an empty place, and an edit keeps the line being read where it is.
//
// The files of this folder form one script, in the order of build.rs. This one owns the state of the
// page that the others share, and the messages to its reader.
//
// <body data-live> names the kind of the page, and data-source the address to fetch it from. An
// element with data-region and an id is kept equal to the server's version; elements with data-item
// are added and removed.

import { backoff, follow } from "./client.js";

const page = document.body.dataset;
const kind = page.live;
/** True in a frame on another site's page, which is read without an account. */
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
/** The list that items come to. */
const listOfPage = () => byId({ post: "comments", posts: "posts", notes: "notes" }[kind]);
/** The ids of deleted elements: a page fetched before the deletion must not bring them back. */
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

/** Announces a text to screen readers. */
function announce(text) {
  byId("announcer").textContent = text;
}

/** Shows a notice if the site runs another version than this page's. The reader decides when to
 *  reload, because a text may be unfinished. */
function compare(version) {
  if (version && version !== page.version) byId("version").hidden = false;
}
