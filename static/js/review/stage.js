/** One article's photo with its tools: several photos, where the network looked, the volunteer's square. */
import { Viewer } from "./viewer.js";

export class Stage {
  /** @param {HTMLElement} article
   *  @param {(key: string, values?: object) => string} say
   *  @param {{brightness?: number, attention?: boolean}} usual  what is kept from photo to photo */
  constructor(article, say, usual) {
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
    article.querySelector("[data-tools]").hidden = false;
    article.addEventListener("click", (event) => this.#clicked(event));
    element.addEventListener("keydown", (event) => this.#arrows(event));
    this.attention.addEventListener("error", () => this.#attentionFailed());
    this.attention.addEventListener("load", () => this.#tell(""));
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
    this.article.querySelector("[data-full]").href = link.href;
    this.#square(link.dataset.square);
    if (!this.toggle) return;
    this.toggle.dataset.src = link.dataset.attentionUrl ?? "";
    this.attention.hidden = true;
    this.attention.removeAttribute("src");
    if (this.usual.attention) this.showAttention(true);
  }

  #square(text) {
    const drawing = this.article.querySelector("[data-square]");
    drawing.toggleAttribute("hidden", !text);
    if (!text) return;
    const [x, y, width, height] = text.split(" ");
    const rect = drawing.querySelector("rect") ?? drawing.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "rect"));
    for (const [name, value] of Object.entries({ x, y, width, height, "vector-effect": "non-scaling-stroke" })) rect.setAttribute(name, value);
  }
}
