/** A photo on the page of a submission: one tap or Z looks closely at the square, which can be added or moved. */
import { PhotoSquare } from "../core/photo-square.js";
import { fitted, onto } from "../review/geometry.js";
import { partOf } from "../core/square-geometry.js";

export class PhotoView {
  /** @param {HTMLElement} element  [data-photo-view]
   *  @param {(key: string, values?: object) => string} say
   *  @param {(text: string) => void} announce  to whoever listens to the page */
  constructor(element, say, announce) {
    this.element = element;
    this.say = say;
    this.announce = announce;
    const find = (selector) => element.querySelector(selector);
    this.frame = find("[data-frame]");
    this.layer = find("[data-layer]");
    this.zoom = find("[data-zoom]");
    this.edit = find("[data-edit]");
    this.form = find("[data-editing]");
    const image = find("img");
    this.photo = { width: Number(image.getAttribute("width")), height: Number(image.getAttribute("height")) };
    this.part = partOf(element.dataset.square);
    if (this.zoom) this.#enableZoom();
    if (this.edit) this.#enableEditing();
  }

  #enableZoom() {
    this.zoom.hidden = false;
    this.frame.classList.add("photo--zooms");
    for (const target of [this.zoom, this.frame]) target.addEventListener("click", () => this.look(!this.isClose));
    new ResizeObserver(() => { if (this.isClose) this.look(true); }).observe(this.frame);
  }

  get isClose() {
    return this.zoom?.getAttribute("aria-pressed") === "true";
  }

  /** Look closely at the square, or at the whole photo. */
  look(closely) {
    if (!this.zoom || this.square) return;
    const box = { width: this.frame.clientWidth, height: this.frame.clientHeight };
    const whole = fitted(this.photo, box);
    const view = closely ? onto(this.part, this.photo, box) : whole;
    const times = view.scale / whole.scale;
    this.layer.style.transform = closely ? `translate(${view.x}px, ${view.y}px) scale(${times})` : "";
    this.layer.style.setProperty("--zoom", String(times));
    this.frame.classList.toggle("photo--close", closely);
    this.zoom.setAttribute("aria-pressed", String(closely));
  }

  #enableEditing() {
    this.edit.hidden = false;
    this.edit.addEventListener("click", () => this.startEditing());
    this.form.querySelector("[data-cancel]").addEventListener("click", () => this.#stopEditing());
    this.form.addEventListener("submit", (event) => {
      if (this.square.isChanged) return;
      event.preventDefault(); // nothing was changed, so there is nothing to look at again
      this.#stopEditing();
    });
  }

  /** Show the square with its grips: the one that was found as a suggestion, a drawn one as it is. */
  startEditing() {
    if (!this.edit || this.square) return;
    this.look(false);
    this.#toggle(true);
    this.square = new PhotoSquare(this.element, this.photo, this.say, this.announce);
    this.square.begin(this.element.dataset);
    const { number } = this.element.dataset;
    const layer = this.element.querySelector("[data-editor]");
    layer.setAttribute("aria-label", `${this.say("squareName", { number })}. ${this.say("squareKeys")}`);
    layer.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" });
  }

  #stopEditing() {
    this.square.destroy();
    this.square = null;
    this.#toggle(false);
    this.edit.focus();
  }

  #toggle(editing) {
    this.element.classList.toggle("photo-view--editing", editing);
    this.form.hidden = !editing;
    this.element.querySelector("[data-editor]").hidden = !editing;
    for (const part of this.element.querySelectorAll("[data-looking]")) part.hidden = editing;
  }
}
