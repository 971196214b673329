// The first page of an empty site: shows the feed's frames as they arrive, and commands for the
// address in the browser, which is the only one that a page may connect to.

import { follow } from "./client.js";

const MOST = 20;
const { root } = document.body.dataset;
const start = document.querySelector(".start");
const box = document.getElementById("frames");
const frames = [];

const withoutScheme = (address) => address.replace(/^https?:/, "");
const shown = withoutScheme(start.dataset.address);
const here = withoutScheme(location.origin + root);
for (const code of start.querySelectorAll("code")) {
  code.textContent = code.textContent.replace(shown, here);
}

follow({
  url: `${root}/feed`,
  onEvent(event) {
    frames.push(JSON.stringify(event));
    frames.splice(0, frames.length - MOST);
    box.textContent = frames.join("\n");
    box.scrollTop = box.scrollHeight;
  },
});
