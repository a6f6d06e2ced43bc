/** Pages of accounts: show a password while it is typed, copy what is shown only once. */
for (const secret of document.querySelectorAll("[data-secret]")) {
  const input = secret.querySelector("input");
  const button = secret.querySelector("[data-toggle]");
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? secret.dataset.hide : secret.dataset.show;
  });
  // A password that stands there in letters must not be kept by the browser as an ordinary text.
  input.form.addEventListener("submit", () => { input.type = "password"; });
}

for (const copy of document.querySelectorAll("[data-copy-from]")) {
  const field = document.getElementById(copy.dataset.copyFrom);
  const status = document.querySelector(`[data-copy-status="${copy.dataset.copyFrom}"]`);
  field.addEventListener("focus", () => field.select());
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      status.textContent = copy.dataset.copied;
    } catch {
      field.select();
      status.textContent = copy.dataset.copyFailed;
    }
  });
}
