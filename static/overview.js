// The state of the nodes: plots of the last two minutes, and the current numbers. The feed's script
// delivers a sample of each node every second; this one shows them on the page, which the server
// has rendered for one node.

const KEPT = 120;
const GONE_AFTER = 3000;
const FORGOTTEN_AFTER = 120_000;
const MOST_NODES = 32;
const MOST_LINES = 20;
const SAME_TIME = 10_000;
const STYLES = 6;
const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);
/** The runs of nodes by name and start: the last sample, its arrival, and each plot's values. */
const nodes = new Map();
const figures = [...document.querySelectorAll(".plot")];
let next = 0;

byId("plots").hidden = false;

/** Makes an element with these children. */
function make(name, ...children) {
  const element = document.createElement(name);
  element.append(...children);
  return element;
}

/** Gives an element this number of children after its first ones, and returns them. */
function fit(parent, count, makeOne, first = 0) {
  while (parent.childElementCount > first + count) parent.lastElementChild.remove();
  while (parent.childElementCount < first + count) parent.append(makeOne());
  return [...parent.children].slice(first);
}

/** Sets a text if it differs. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Announces a text to screen readers. */
function announce(text) {
  byId("announcer").textContent = text;
}

const units = {
  text: String,
  count: (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 }),
  bytes(value) {
    let unit = 0;
    for (; value >= 1000 && unit < 4; unit += 1) value /= 1000;
    return value.toFixed(unit && value < 100 ? 1 : 0) + " " + ["B", "KB", "MB", "GB", "TB"][unit];
  },
  time(value) {
    const [s, min, h, d] = [1, 60, 3600, 86400].map((size) => Math.floor(value / 1000 / size));
    if (d) return `${d} d ${h % 24} h`;
    if (h) return `${h} h ${min % 60} min`;
    return min ? `${min} min ${s % 60} s` : `${s} s`;
  },
};
const show = (value, unit) => (value == null ? "–" : units[unit](value));

/** A sample's value in a plot; `null` for a rate without an earlier sample. */
function valueOf(figure, sample, before) {
  const { fields, rate } = figure.dataset;
  const sum = (of) => fields.split(" ").reduce((all, field) => all + of[field], 0);
  if (rate === undefined) return sum(sample);
  const time = before && sample.uptime_ms - before.uptime_ms;
  return time > 0 ? (1000 * (sum(sample) - sum(before))) / time : null;
}

document.addEventListener("sample", ({ detail: sample }) => {
  const key = `${sample.node} ${sample.started_at}`;
  let node = nodes.get(key);
  if (!node) {
    if (nodes.size >= MOST_NODES) return;
    node = { past: [], style: `node-${next++ % STYLES}`, isGone: false };
    nodes.set(key, node);
  }
  const values = figures.map((figure) => valueOf(figure, sample, node.sample));
  node.past.push({ at: performance.now(), values });
  node.past.splice(0, node.past.length - KEPT);
  node.sample = sample;
  node.heard = performance.now();
  if (node.isGone) announce(`${sample.node} is back`);
  node.isGone = false;
  paint();
});

/** Marks silent nodes as gone, except while this page is disconnected, when all are silent. */
function look() {
  const now = performance.now();
  const isConnected = byId("live").dataset.state === "live";
  for (const [key, node] of nodes) {
    if (!isConnected) node.heard = now;
    if (now - node.heard > FORGOTTEN_AFTER) nodes.delete(key);
    else if (!node.isGone && now - node.heard > GONE_AFTER) {
      node.isGone = true;
      announce(`${node.sample.node} is gone`);
    }
  }
  paint();
}
setInterval(look, 1000);

let isDue = false;
/** Draws at most once per animation frame. */
function paint() {
  if (isDue || document.hidden) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    const all = [...nodes.values()].sort((one, other) =>
      one.sample.node.localeCompare(other.sample.node) || one.heard - other.heard);
    if (!all.length) return;
    figures.forEach((figure, number) => plot(figure, number, all));
    fillNow(all);
    fillChannels(all);
    fillLists(all);
  });
}
document.addEventListener("visibilitychange", look);

function plot(figure, number, all) {
  const now = performance.now();
  const { unit } = figure.dataset;
  const svg = figure.querySelector("svg");
  const list = figure.querySelector("ul");
  const most = Math.max(1, ...all.flatMap(({ past }) => past.map(({ values }) => values[number] ?? 0)));
  say(figure.querySelector(".most"), show(most, unit));
  const lines = fit(svg, all.length, () => document.createElementNS(SVG, "polyline"));
  const entries = fit(list, all.length, () => make("li", make("bdi"), make("b")));
  const said = all.map((node, place) => {
    const known = node.past.filter(({ values }) => values[number] != null);
    const points = known.map(({ at, values }) =>
      `${(120 - (now - at) / 1000).toFixed(1)},${(39 - (37 * values[number]) / most).toFixed(1)}`);
    lines[place].setAttribute("points", points.join(" "));
    lines[place].setAttribute("class", node.style);
    const [name, value] = entries[place].children;
    entries[place].className = node.style;
    const text = node.isGone ? "gone" : show(known.at(-1)?.values[number], unit);
    say(name, node.sample.node);
    say(value, text);
    return `${node.sample.node} ${text}`;
  });
  svg.setAttribute("aria-label", `${figure.querySelector("figcaption").textContent}, the last two minutes; now ${said.join(", ")}`);
}

function makeHeading(scope, ...children) {
  const heading = make("th", ...children);
  heading.scope = scope;
  return heading;
}

const makeCell = () => make("td");

/** Fills the cells of a row after its first ones, one for each node. */
function fillCells(row, first, all, makeOne, textOf) {
  const cells = fit(row, all.length, makeOne, first);
  all.forEach((node, place) => {
    const cell = cells[place];
    say(cell.firstElementChild ?? cell, textOf(node, place));
    cell.toggleAttribute("data-gone", node.isGone);
  });
}

function fillHead(table, first, all) {
  const makeOne = () => makeHeading("col", make("bdi"));
  fillCells(table.tHead.rows[0], first, all, makeOne, ({ sample, isGone }) =>
    sample.node + (isGone ? " (gone)" : sample.draining ? " (draining)" : ""));
}

function fillNow(all) {
  const table = byId("now");
  fillHead(table, 1, all);
  for (const row of table.querySelectorAll("tbody tr")) {
    const { field, unit } = row.dataset;
    fillCells(row, 1, all, makeCell, ({ sample }) => (field ? show(sample[field], unit) : ""));
  }
}

function fillChannels(all) {
  const table = byId("channels");
  const present = all.filter(({ isGone }) => !isGone);
  if (!present.length) return;
  fillHead(table, 2, present);
  const rows = new Map();
  present.forEach(({ sample }, place) => {
    for (const { channel, members, local_members } of sample.channels) {
      const row = rows.get(channel) ?? { members: 0, own: present.map(() => null) };
      row.members = Math.max(row.members, members);
      row.own[place] = local_members;
      rows.set(channel, row);
    }
  });
  const sorted = [...rows].sort(([a, one], [b, other]) =>
    other.members - one.members || (a < b ? -1 : 1)).slice(0, MOST_LINES);
  const lines = fit(table.tBodies[0], sorted.length, () => make("tr", makeHeading("row"), makeCell()));
  sorted.forEach(([channel, { members, own }], place) => {
    const row = lines[place];
    say(row.cells[0], channel);
    say(row.cells[1], show(members, "count"));
    fillCells(row, 2, present, makeCell, (_, at) => show(own[at], "count"));
  });
}

/** Lines from the newest on. Each node indexes each event: a line that several nodes wrote at about
 *  the same time is shown once. */
function gathered(lines) {
  const newest = [];
  for (const line of lines) {
    const twin = newest.find(({ at, text, nodes }) => text === line.text
      && !nodes.includes(line.nodes[0]) && Date.parse(at) - Date.parse(line.at) < SAME_TIME);
    if (twin) twin.nodes = [...twin.nodes, ...line.nodes].sort();
    else newest.push(line);
  }
  return newest;
}

const shown = {};
function fillLists(all) {
  const texts = {
    slow: ({ transport, channels, stalled_ms }) =>
      `${transport}: ${channels.join(", ")}; read nothing for ${Math.floor(stalled_ms / 1000)} s`,
    indexer: ({ text }) => text,
  };
  for (const [id, text] of Object.entries(texts)) {
    const field = id === "slow" ? "slow_readers" : id;
    const found = all.flatMap(({ sample }) =>
      sample[field].map((line) => ({ at: line.at, nodes: [sample.node], text: text(line) })));
    found.sort((one, other) => (one.at < other.at ? 1 : -1));
    const lines = (id === "indexer" ? gathered(found) : found).slice(0, MOST_LINES);
    const now = JSON.stringify(lines);
    if (shown[id] === now) continue;
    shown[id] = now;
    byId(id).replaceChildren(...lines.map(({ at, nodes: from, text: said }) => {
      const time = make("time", at);
      time.dateTime = at;
      time.title = new Date(at).toUTCString();
      const meta = make("span", time, " ", make("bdi", from.join(", ")));
      meta.className = "meta";
      return make("li", meta, " ", make("bdi", said));
    }));
  }
}
