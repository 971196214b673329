// Shows who else reads the open post and who is typing a comment. The feed's script delivers and
// sends the messages; this one owns the line on the page.

const line = document.querySelector("#presence");
const { account } = document.body.dataset;

const SAY_EVERY = 1000;
/** The server forgets a typing reader after five seconds, and announces it within another one. */
const KNOWN_FOR = 7000;
let typedAt = -Infinity;

document.querySelector("#comment-body")?.addEventListener("input", () => {
  if (Date.now() - typedAt < SAY_EVERY) return;
  typedAt = Date.now();
  document.dispatchEvent(new CustomEvent("say", { detail: '{"typing":true}' }));
});

/** The readers who type, except this one, whose entry has the account name or no name. */
function others(typing) {
  const named = typing.indexOf(account);
  const isOwn = Date.now() - typedAt < KNOWN_FOR;
  const own = named < 0 && isOwn ? typing.indexOf(null) : named;
  return typing.filter((_, place) => place !== own);
}

function words({ guests, names, typing }) {
  const parts = [];
  const readers = guests + names.length;
  if (readers > 1) {
    const known = names.filter((name) => name !== account).join(", ");
    parts.push(readers + " people reading" + (known && " (" + known + ")"));
  }
  const who = others(typing);
  if (who.length === 1) parts.push((who[0] ?? "Someone") + " is typing…");
  else if (who.length === 2 && who.every(Boolean)) parts.push(who.join(" and ") + " are typing…");
  else if (who.length) parts.push(who.length + " people are typing…");
  return parts.join(" · ");
}

document.addEventListener("presence", ({ detail }) => {
  line.textContent = detail ? words(detail) : "";
});
