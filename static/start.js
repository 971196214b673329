// An empty site's first page: shows the frames that the feed sends, as they come, and commands for the
// address that the reader has come by. A page may connect to that one alone.

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
