/** A page about work under way (a training run, a replay): the server sends the changing part whenever it is different. */
const run = document.querySelector("#run");
const events = new EventSource(run.dataset.events);

/** Puts what is different into the page, part by part, so that nobody loses their place in the rest. */
function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = run.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!old || old.innerHTML === part.innerHTML) continue;
    const log = old.querySelector(".run__log");
    const place = log && log.scrollTop + log.clientHeight < log.scrollHeight - 8 ? log.scrollTop : null;
    const focused = old.contains(document.activeElement);
    old.innerHTML = part.innerHTML;
    const next = old.querySelector(".run__log");
    if (next) next.scrollTop = place ?? next.scrollHeight;
    if (focused) (old.querySelector("button, a, [tabindex]") ?? run).focus();
  }
}

events.addEventListener("run", (event) => show(event.data));
events.addEventListener("over", () => {
  events.close();
  if (run.dataset.then) window.location.replace(run.dataset.then); // another page tells the outcome
});
events.addEventListener("error", () => {
  if (events.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
  const state = run.querySelector('[data-part="state"]');
  state.textContent = run.dataset.lost;
});
