/** The grid of a look-alike pair: arrows go from photo to photo, Space or X leaves one out, one key decides for the rest. */
import { speaker } from "../core/messages.js";
import { keepLeases } from "./leases.js";
import "./page.js";
import { Service } from "./service.js";

const form = document.querySelector("[data-grid]");
if (form) enhance(form);

function enhance(grid) {
  const say = speaker(grid);
  const boxes = [...grid.querySelectorAll(".tile__box")];
  const count = grid.querySelector("[data-count]");
  const everything = count.textContent;
  grid.querySelector("[data-grid-keys]").hidden = false;
  grid.addEventListener("change", () => {
    const left = boxes.filter((box) => box.checked).length;
    count.textContent = left ? `${everything} · ${say("exceptions", { count: left })}` : everything;
  });
  grid.addEventListener("keydown", (event) => moved(event, boxes));
  document.addEventListener("keydown", (event) => entered(event, boxes));
  grid.addEventListener("submit", (event) => {
    if (grid.dataset.sent) return event.preventDefault();
    grid.dataset.sent = "yes";
    grid.setAttribute("aria-busy", "true");
    count.textContent = say("deciding");
    return undefined;
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload(); // "back": these may be decided
  });
  keepLeases(new Service(grid.dataset.csrf), () => (grid.dataset.sent ? [] : boxes.map((box) => box.value)), Number(grid.dataset.renew));
}

/** The first arrow goes to the first photo. */
function entered(event, boxes) {
  const onBody = document.activeElement === document.body || document.activeElement?.id === "main";
  if (onBody && event.key.startsWith("Arrow") && boxes.length) {
    event.preventDefault();
    boxes[0].focus();
  }
}

function moved(event, boxes) {
  const at = boxes.indexOf(event.target);
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const wide = columns(boxes);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide, Home: -at, End: boxes.length - 1 - at };
  if (event.key in steps) {
    event.preventDefault();
    boxes[Math.min(Math.max(at + steps[event.key], 0), boxes.length - 1)].focus();
  } else if (event.key === "x") {
    event.preventDefault();
    event.target.click();
  } else if (event.key === "o") {
    event.preventDefault();
    event.target.closest(".tile").querySelector(".tile__open").click();
  }
}

function columns(boxes) {
  const top = (box) => Math.round(box.closest(".tile").getBoundingClientRect().top);
  const first = top(boxes[0]);
  const many = boxes.findIndex((box) => top(box) !== first);
  return many < 0 ? boxes.length : many;
}
