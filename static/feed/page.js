// Keeps an open page up to date while others write, at the cost of one frame for each event. The
// server renders new content once for all readers (`?frame=html`); this script inserts it. The page
// is fetched again only after a gap in the log, and the text of the open post only when it has
// changed.
//
// Nothing in view moves: an arrival that would push it away waits behind a button, a deletion
// leaves an empty place, and an edit keeps the line being read where it is.
//
// The files of this folder form one script, in the order of build.rs. This one owns the state of the
// page that the others share, the short names of the browser's functions, and the messages to the
// page's reader.
//
// <body data-live> names the kind of the page, and data-source the address to fetch it from. An
// element with data-region and an id is kept equal to the server's version; elements with data-item
// are added and removed.

import { backoff, follow } from "./client.js";

const byId = (id) => document.getElementById(id);
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (name, listener) => document.addEventListener(name, listener);
const copyOf = (node) => document.importNode(node, true);
const isHidden = () => document.hidden;
const boxOf = (element) => element.getBoundingClientRect();

const page = document.body.dataset;
const kind = page.live;
/** The id of the page's post or note. */
const subject = Number(page.post ?? page.note);
/** True in a frame on another site's page, which is read without an account. */
const isEmbedded = "embed" in page;

const ofPosts = ["posts", "comments", "system"];
const ofNotes = ["notes", "system"];
/** The channels that each kind of page follows. */
const channels = {
  posts: ofPosts, post: isEmbedded ? ofPosts : [...ofPosts, `presence_${subject}`],
  moderation: ofPosts, "edit-post": ofPosts, notes: ofNotes, note: ofNotes, "edit-note": ofNotes,
  admin: ["admin", "system"],
};

/** The list that items come to. */
const listOfPage = () => byId({ post: "comments", posts: "posts", notes: "notes" }[kind]);
/** The items of the list that do not wait. */
const listed = () => all(":is(#comments, #posts, #notes) > [id]:not([data-waiting])");
const numberOf = (item) => Number(item.id.replace(/\D+/, ""));
const timeOf = (item) => one("time", item).dateTime;
/** The ids of deleted elements: a page fetched before the deletion must not bring them back. */
const gone = new Set();

function tell(text) {
  const notice = byId("notice");
  notice.innerHTML = ' <button type="button" class="button small quiet">Close</button>';
  notice.prepend(text);
  one("button", notice).onclick = () => (notice.hidden = true);
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
