/** The page of a new submission. Everything works without this file; with it, photos are seen before they are sent. */
import { problemsOf } from "./check-form.js";
import * as draft from "./draft.js";
import { readPhoto } from "./exif.js";
import { FormErrors } from "./form-errors.js";
import { speaker } from "../core/messages.js";
import { PhotoList } from "./photo-list.js";
import { enhanceStepper } from "./stepper.js";
import { upload } from "./upload.js";
import { WhenWhere } from "./when-where.js";

const form = document.querySelector("#new-submission");
const say = speaker(form);
const find = (selector) => form.querySelector(selector);
document.documentElement.classList.add("js");
form.noValidate = true;

const cameWithErrors = !find("#summary").hidden;
if (!cameWithErrors) draft.restore(form);

const whenWhere = new WhenWhere(form, say);
whenWhere.refresh();
enhanceStepper(find("[data-stepper]"));

let errors = null;
const photos = new PhotoList(form, say, {
  onAdded: readDetails,
  onRemoved: (left) => {
    whenWhere.withdraw();
    readDetails(left);
  },
  onProblem: (message) => errors?.note("file", message),
});
errors = new FormErrors(form, photos);
form.addEventListener("input", () => draft.save(form));

/** The first photo that knows fills in the day and the spot. */
async function readDetails(files) {
  for (const file of files) whenWhere.offer(await readPhoto(file, form.dataset.exifReader));
}

const MOST_ATTEMPTS = 8;
const LONGEST_PAUSE = 5;
let sending = null;
let sent = false;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (sending || sent) return;
  const problems = problemsOf(form, photos.items.length, say);
  if (problems.length) errors.show(problems);
  else send();
});

find("[data-cancel]").addEventListener("click", () => sending?.abort());

window.addEventListener("beforeunload", (event) => {
  if (sending) event.preventDefault();
});

/** Back from the verdict: this form was sent; a fresh one has a fresh key. */
window.addEventListener("pageshow", (event) => {
  if (event.persisted && sent) window.location.reload();
});

async function send() {
  errors.clear();
  photos.stopSearching();
  sending = new AbortController();
  showSending(0);
  const result = await uploadPatiently(sending.signal);
  sending = null;
  if (result.kind === "created") {
    sent = true;
    draft.forget();
    window.location.assign(result.url);
    return;
  }
  showIdle(result.kind);
  if (result.kind === "invalid") errors.show(result.errors);
}

/** A service that is busy is asked again by itself, each time a little later, so that not everybody comes back at once. */
async function uploadPatiently(signal) {
  for (let attempt = 1; ; attempt++) {
    const result = await upload(form.action, new FormData(form), { onProgress: showSending, signal });
    if (result.kind !== "busy" || result.seconds === 0 || attempt === MOST_ATTEMPTS) return result;
    find("[data-sending-text]").textContent = find("[data-status]").textContent = say("waiting");
    await pause(Math.min(result.seconds, LONGEST_PAUSE) * attempt * (1 + Math.random()), signal);
    if (signal.aborted) return { kind: "stopped" };
  }
}

function pause(seconds, signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", resolve);
  });
}

function showSending(percent) {
  const text = percent < 100 ? say("sending", { percent }) : say("almostThere");
  find("[data-send]").setAttribute("aria-disabled", "true");
  find("[data-progress]").hidden = false;
  find("[data-cancel]").hidden = false;
  find("[data-progress]").value = percent;
  find("[data-sending-text]").textContent = text;
  if (percent === 0 || percent === 100) find("[data-status]").textContent = text;
  const panel = find("[data-sending]");
  if (panel.hidden) {
    panel.hidden = false;
    panel.scrollIntoView({ block: "nearest" });
  }
}

/** After a failure the same key goes along with the next attempt, so nothing is counted twice. */
function showIdle(kind) {
  const button = find("[data-send]");
  button.removeAttribute("aria-disabled");
  const panel = find("[data-sending]");
  panel.hidden = kind === "invalid";
  if (panel.hidden) return;
  find("[data-progress]").hidden = true;
  find("[data-cancel]").hidden = true;
  find("[data-sending-text]").textContent = say(kind);
  find("[data-status]").textContent = say(kind);
  button.textContent = say("sendAgain");
  button.focus();
}
