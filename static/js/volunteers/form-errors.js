/** Problems stand beside their field and once more in a summary that gets the focus. */
export class FormErrors {
  constructor(form, photos) {
    this.form = form;
    this.photos = photos;
    this.summary = form.querySelector("#summary");
  }

  clear() {
    this.summary.hidden = true;
    this.photos.clearProblems();
    for (const line of this.form.querySelectorAll("[data-error-for]")) {
      line.hidden = true;
      line.textContent = ""; // hidden text would still describe the field
    }
    for (const input of this.form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }

  /** @param {{field: string, message: string, filename?: string}[]} errors */
  show(errors) {
    this.clear();
    const list = this.summary.querySelector("ul");
    list.replaceChildren(...errors.map((error) => this.#entry(error)));
    for (const error of errors) this.#beside(error);
    this.summary.hidden = false;
    this.summary.focus({ preventScroll: true });
    this.summary.scrollIntoView({ block: "start" });
  }

  /** One message beside a field, without the summary: for what is noticed while filling in. */
  note(field, message) {
    const line = this.#line(field);
    line.textContent = message;
    line.hidden = !message;
    if (message) line.setAttribute("role", "alert");
    else line.removeAttribute("role");
  }

  #entry({ field, message, filename }) {
    const item = document.createElement("li");
    const place = this.form.querySelector(`#field-${CSS.escape(field)}`);
    const text = filename ? `${filename}: ${message}` : message;
    if (!place) {
      item.textContent = text;
      return item;
    }
    const link = document.createElement("a");
    link.href = `#${place.id}`;
    link.textContent = text;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      place.closest("details")?.setAttribute("open", "");
      const target = place.matches("fieldset") ? place.querySelector("input:not([type=hidden])") : place.querySelector(".input");
      target.focus();
      place.scrollIntoView({ block: "start" });
    });
    item.append(link);
    return item;
  }

  #beside({ field, message, filename }) {
    const onPhoto = filename && this.photos.showProblem(filename, message);
    const line = this.#line(field);
    if (!line || onPhoto) return;
    line.textContent = message;
    line.hidden = false;
    line.closest("details")?.setAttribute("open", "");
    for (const input of this.form.querySelectorAll(`[name="${CSS.escape(field)}"]`)) input.setAttribute("aria-invalid", "true");
  }

  #line(field) {
    return this.form.querySelector(`[data-error-for="${CSS.escape(field)}"]`);
  }
}
