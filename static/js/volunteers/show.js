/** The page of one submission: its photos, its address, and the second opinion said aloud when it has come. */
import { speaker } from "../core/messages.js";
import { PhotoView } from "./photo-view.js";

const result = document.querySelector("[data-result]");
const link = result.querySelector("[data-link]");
const copy = result.querySelector("[data-copy]");
const copyStatus = result.querySelector("[data-copy-status]");
const say = speaker(result);
document.documentElement.classList.add("js");

if (link) {
  link.value = new URL(new URL(link.value).pathname, window.location.href).href; // a proxy may hide our own address
  link.addEventListener("focus", () => link.select());
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(link.value);
      copyStatus.textContent = result.dataset.copied;
    } catch {
      link.select();
      copyStatus.textContent = result.dataset.copyFailed;
    }
  });
}

let photos = [];

function showPhotos() {
  const status = result.querySelector("[data-square-status]");
  const announce = (text) => { status.textContent = text; };
  photos = [...result.querySelectorAll("[data-photo-view]")].map((element) => new PhotoView(element, say, announce));
}
showPhotos();

const TYPING = "input, textarea, select";
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "z" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest(TYPING)) return;
  const closely = !photos.some((photo) => photo.isClose);
  for (const photo of photos) photo.look(closely);
});

/** A button in the verdict that leads to the photo. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-place-square]");
  if (button) photos[Number(button.dataset.placeSquare)]?.startEditing();
});

/** A photo as large as there is one; without this script its link leads to the picture. */
const enlarged = document.querySelector("[data-enlarged]");
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-enlarge]");
  if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const image = enlarged.querySelector("img");
  image.src = opener.href;
  image.alt = opener.closest("[data-photo-view]").querySelector("img").alt;
  enlarged.showModal();
});

const SLOW_AFTER = 30_000;
let waiting = Boolean(document.querySelector("#verdict[data-waiting]"));
const slow = result.querySelector("[data-slow]");
if (waiting) setTimeout(() => { if (waiting) slow.textContent = slow.dataset.slowText; }, SLOW_AFTER);

document.addEventListener("htmx:after:swap", () => {
  const verdict = document.querySelector("#verdict");
  if (!waiting || verdict.hasAttribute("data-waiting")) return;
  waiting = false;
  slow.textContent = "";
  showPhotos();
  const said = [...verdict.querySelectorAll(".verdict__headline, .verdict__reason")].map((part) => part.textContent.trim());
  result.querySelector("[data-announce]").textContent = said.join(". ");
});
