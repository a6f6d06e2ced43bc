/** The page of one submission: copy its address, and say aloud when the second opinion has come. */
const result = document.querySelector("[data-result]");
const link = result.querySelector("[data-link]");
const copy = result.querySelector("[data-copy]");
const copyStatus = result.querySelector("[data-copy-status]");

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

const SLOW_AFTER = 30_000;
let waiting = Boolean(document.querySelector("#verdict[data-waiting]"));
const slow = result.querySelector("[data-slow]");
if (waiting) setTimeout(() => { if (waiting) slow.textContent = slow.dataset.slowText; }, SLOW_AFTER);

document.addEventListener("htmx:after:swap", () => {
  const verdict = document.querySelector("#verdict");
  if (!waiting || verdict.hasAttribute("data-waiting")) return;
  waiting = false;
  slow.textContent = "";
  const said = [...verdict.querySelectorAll(".verdict__headline, .verdict__reason")].map((part) => part.textContent.trim());
  result.querySelector("[data-announce]").textContent = said.join(". ");
});
