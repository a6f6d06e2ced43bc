/** Problems stand beside their field and once more in a summary that gets the focus. */
export class FormErrors {
  constructor(form, photos) {
    this.form = form;
    this.photos = photos;
    this.summary = form.querySelector("#summary");
    this.own = new Set(); // fields whose mistake this page has found itself, and can see mended
  }

  clear() {
    this.summary.hidden = true;
    this.photos.clearProblems();
    for (const line of this.form.querySelectorAll("[data-error-for]")) this.#clearField(line.dataset.errorFor);
  }

  #clearField(field) {
    const line = this.#line(field);
    line.hidden = true;
    line.textContent = ""; // hidden text would still describe the field
    for (const input of this.#inputs(field)) input.removeAttribute("aria-invalid");
    for (const entry of this.#entries(field)) entry.remove();
    this.own.delete(field);
    if (!this.summary.querySelector("li")) this.summary.hidden = true;
  }

  /** Take away what was mended. ``problems``: what is wrong now; ``changed``: the field that somebody just changed. */
  recheck(problems, changed) {
    const places = ["latitude", "longitude"];
    const touched = places.includes(changed) ? places : [changed];
    for (const line of this.form.querySelectorAll("[data-error-for]:not([hidden])")) {
      const field = line.dataset.errorFor;
      const entries = this.#entries(field);
      if (!entries.length || problems.some((problem) => problem.field === field)) continue;
      if (field === "file" && this.photos.hasProblems()) continue;
      if (this.own.has(field) || touched.includes(field)) this.#clearField(field);
    }
    for (const entry of this.#entries("file")) {
      const { filename } = entry.dataset;
      if (filename && !this.photos.has(filename)) entry.remove();
    }
    if (!this.summary.querySelector("li")) this.summary.hidden = true;
  }

  /** @param {{field: string, message: string, filename?: string}[]} errors
   *  ``own``: this page found them, not the service. */
  show(errors, { own = false } = {}) {
    this.clear();
    if (own) this.own = new Set(errors.map((error) => error.field));
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
    item.dataset.mistake = field;
    if (filename) item.dataset.filename = filename;
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
    for (const input of this.#inputs(field)) input.setAttribute("aria-invalid", "true");
  }

  #inputs(field) {
    return this.form.querySelectorAll(`[name="${CSS.escape(field)}"]`);
  }

  #entries(field) {
    return this.summary.querySelectorAll(`[data-mistake="${CSS.escape(field)}"]`);
  }

  #line(field) {
    return this.form.querySelector(`[data-error-for="${CSS.escape(field)}"]`);
  }
}
