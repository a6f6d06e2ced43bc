/** The page of a new submission. Everything works without this file; with it, photos are seen before they are sent. */
import { problemsOf } from "./check-form.js";
import { count } from "./counter.js";
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
count(form, say);

let errors = null;
let reading = Promise.resolve(); // of what the photos say of day and spot
const photos = new PhotoList(form, say, {
  onAdded: readDetails,
  onRemoved: (left) => {
    whenWhere.withdraw();
    readDetails(left);
  },
  onProblem: (message) => errors?.note("file", message),
});
errors = new FormErrors(form, photos);
form.addEventListener("input", ({ target }) => {
  draft.save(form);
  recheck(target.name);
});

function problems() {
  return problemsOf(form, photos.items.length, say);
}

/** What was mended is not marked any more. */
function recheck(field) {
  errors?.recheck(problems(), field);
}

/** The first photo that knows fills in the day and the spot. */
function readDetails(files) {
  recheck("file");
  reading = reading.then(async () => {
    for (const file of files) {
      const details = await readPhoto(file, form.dataset.exifReader);
      if (photos.files.includes(file)) whenWhere.offer(details);
    }
  });
}

const MOST_ATTEMPTS = 8;
const LONGEST_PAUSE = 5;
let sending = null;
let sent = false;
const ask = document.querySelector("[data-ask]");
let asked = false;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  await reading; // what is sent is what the form shows
  if (sending || sent || ask.open) return;
  const found = problems();
  const missing = whatIsMissing();
  if (found.length) errors.show(found, { own: true });
  else if (missing.length && !asked) askAbout(missing);
  else send();
});

/** The fields that make a record complete, and are empty. */
function whatIsMissing() {
  const { event_date: day, place } = form.elements;
  return [...(whenWhere.hasDay ? [] : [day]), ...(place.value.trim() || whenWhere.hasSpot ? [] : [place])];
}

/** Asked once: a record without day or place is welcome, too. */
function askAbout(missing) {
  asked = true;
  const [first] = missing;
  ask.querySelector("h2").textContent = say(missing.length === 2 ? "noDayNoPlace" : first === form.elements.place ? "noPlace" : "noDay");
  ask.addEventListener("close", () => {
    if (ask.returnValue === "send") send();
    else first.focus();
  }, { once: true });
  ask.showModal();
}

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
    const result = await upload(form.action, whenWhere.addTo(new FormData(form)), { onProgress: showSending, signal });
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
