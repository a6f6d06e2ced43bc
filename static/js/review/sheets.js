/** The sheets over the desk and the choice of how sure: small things that the page remembers until the decision. */
export function listenToSheets(shell) {
  shell.addEventListener("change", (event) => {
    const { templateText } = event.target.dataset;
    if (templateText !== undefined) event.target.form.elements.body.value = templateText;
  });
  shell.addEventListener("input", (event) => {
    const { name, form } = event.target;
    if (name !== "remark" && name !== "message") return;
    const { remark, message } = form.elements;
    shell.querySelector("[data-comment-dot]").hidden = !(remark.value + message.value).trim();
  });
  shell.addEventListener("click", (event) => {
    if (event.target.matches("[data-sure]") && event.detail === 0) sureOrNot(event.target);
  });
}

/** The same key once more: "correct" again. */
function sureOrNot(radio) {
  if (radio.dataset.was === "checked") radio.form.querySelector("[name=status_code][value=V1]").checked = true;
  for (const other of radio.form.querySelectorAll("[data-sure]")) other.dataset.was = other.checked ? "checked" : "";
}
