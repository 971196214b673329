// An empty site's first page: shows the frames that the feed sends, as they come.

import { follow } from "./client.js";

const MOST = 20;
const box = document.getElementById("frames");
const frames = [];

follow({
  url: `${document.body.dataset.root}/feed`,
  onEvent(event) {
    frames.push(JSON.stringify(event));
    frames.splice(0, frames.length - MOST);
    box.textContent = frames.join("\n");
    box.scrollTop = box.scrollHeight;
  },
});
