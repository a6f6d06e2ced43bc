/** One article's photo with its tools: several photos, where the network looked, its square and others. */
import { partOf, partsOf } from "../core/square-geometry.js";
import { Placing } from "./placing.js";
import { Viewer } from "./viewer.js";

export class Stage {
  /** @param {HTMLElement} article
   *  @param {(key: string, values?: object) => string} say
   *  @param {{brightness?: number, attention?: boolean, closely?: boolean}} usual  what is kept from photo to photo
   *  @param {object} desk  what placing a square needs of it, see placing.js */
  constructor(article, say, usual, desk) {
    this.article = article;
    this.say = say;
    this.usual = usual;
    this.viewer = null;
    const element = article.querySelector("[data-viewer]");
    if (!element) return;
    this.viewer = new Viewer(element, usual);
    this.attention = element.querySelector("[data-attention]");
    this.note = element.querySelector("[data-attention-note]");
    this.toggle = article.querySelector("[data-attention-toggle]");
    this.strip = [...article.querySelectorAll("[data-show-photo]")];
    this.closely = article.querySelector("[data-closely]");
    this.placing = article.querySelector("[data-placing]") ? new Placing(article, this.viewer, say, desk) : null;
    this.viewer.onChange = () => {
      this.closely?.setAttribute("aria-pressed", String(this.viewer.isClose));
      this.placing?.redraw();
    };
    article.querySelector("[data-tools]").hidden = false;
    article.addEventListener("click", (event) => this.#clicked(event));
    element.addEventListener("keydown", (event) => this.#arrows(event));
    this.attention.addEventListener("error", () => this.#attentionFailed());
    this.attention.addEventListener("load", () => this.#tell(""));
    this.#square(element.dataset);
    if (usual.attention) this.showAttention(true);
  }

  destroy() {
    this.viewer?.destroy();
  }

  showAttention(on) {
    if (!this.toggle) return;
    this.usual.attention = on;
    this.toggle.setAttribute("aria-pressed", String(on));
    if (on && this.attention.getAttribute("src") !== this.toggle.dataset.src) {
      this.#tell(this.say("attentionLoading"));
      this.attention.src = this.toggle.dataset.src;
    }
    this.attention.hidden = !on;
    if (!on) this.#tell("");
  }

  /** Closely at the square, here and in the photos that follow; or at the whole photo. */
  look(closely) {
    this.usual.closely = closely;
    this.viewer.closely(closely);
  }

  #attentionFailed() {
    this.attention.hidden = true;
    this.attention.removeAttribute("src");
    this.toggle.setAttribute("aria-pressed", "false");
    this.#tell(this.say("attentionMissing"));
  }

  #tell(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  #clicked(event) {
    const view = event.target.closest("[data-view]");
    if (view?.dataset.view === "next-photo") return this.#show(this.#current() + 1);
    if (view?.dataset.view === "previous-photo") return this.#show(this.#current() - 1);
    if (view) return this.viewer.command(view.dataset.view);
    if (event.target.closest("[data-closely]")) return this.look(!this.viewer.isClose);
    if (event.target.closest("[data-place]")) return this.#place();
    if (event.target.closest("[data-attention-toggle]")) return this.showAttention(this.toggle.getAttribute("aria-pressed") !== "true");
    const other = event.target.closest("[data-show-photo]");
    if (!other || event.ctrlKey || event.metaKey || event.shiftKey) return undefined;
    event.preventDefault();
    return this.#show(Number(other.dataset.showPhoto));
  }

  /** With the photo in focus the plain arrows move it. */
  #arrows(event) {
    const direction = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" }[event.key];
    if (!direction || this.viewer.isFitted || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.viewer.command(direction);
  }

  /** Move the square of the photo that is shown, or draw one. */
  #place() {
    this.placing.start((this.strip[this.#current()] ?? this.viewer.element).dataset);
  }

  #current() {
    return this.strip.findIndex((link) => link.getAttribute("aria-current") === "true");
  }

  #show(number) {
    const link = this.strip.at(number % this.strip.length);
    if (!link) return;
    for (const other of this.strip) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    const { picture } = this.viewer;
    picture.alt = link.dataset.alt;
    this.viewer.load(link.href, Number(link.dataset.width), Number(link.dataset.height));
    this.#square(link.dataset);
    this.article.querySelector("[data-full]").href = link.href;
    if (!this.toggle) return;
    this.toggle.dataset.src = link.dataset.attentionUrl ?? "";
    this.attention.hidden = true;
    this.attention.removeAttribute("src");
    if (this.usual.attention) this.showAttention(true);
  }

  /** Where it was looked, and further animals; what zooms in and what is edited is the first. */
  #square({ square, others = "" }) {
    this.viewer.part = partOf(square);
    const drawing = this.article.querySelector("[data-squares]");
    drawing.replaceChildren(...partsOf(others).map((part) => outline(part, "viewer__other")));
    if (this.viewer.part) drawing.append(outline(this.viewer.part, "viewer__square"));
    if (this.closely) this.closely.hidden = !this.viewer.part;
    this.viewer.closely(this.usual.closely);
  }
}

function outline(part, className) {
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ ...part, class: className, "vector-effect": "non-scaling-stroke" })) rect.setAttribute(name, value);
  return rect;
}
