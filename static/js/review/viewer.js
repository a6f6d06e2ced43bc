/**
 * The photo, large: fit, 1:1, zoom by wheel, pinch and keys, pan, brightness, quarter turns. What lies over the photo
 * (where the network looked, the volunteer's square) lies in the same layer, so it follows every move.
 */
import * as geometry from "./geometry.js";

const STEP = 1.25;
const NUDGE = 80;
const BRIGHTNESS = { least: 0.4, most: 2.6, step: 0.2 };

export class Viewer {
  /** @param {HTMLElement} element  [data-viewer], with [data-layer] and its pictures inside
   *  @param {{brightness?: number}} usual  what this reviewer starts with */
  constructor(element, usual = {}) {
    this.element = element;
    this.layer = element.querySelector("[data-layer]");
    this.picture = element.querySelector("[data-photo]");
    this.part = null; // the square, {x, y, width, height} as fractions of the photo
    this.usual = { brightness: 1, ...usual };
    this.brightness = this.usual.brightness;
    this.pointers = new Map();
    this.view = null;
    this.onChange = () => {};
    this.isClose = false;
    this.picture.addEventListener("load", () => this.closely(this.isClose));
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#moved(event));
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, (event) => this.#up(event));
    element.addEventListener("dblclick", (event) => {
      if (!event.target.closest("[data-editor]")) this.toggle(this.#at(event));
    });
    this.observer = new ResizeObserver(() => this.#resized());
    this.observer.observe(element);
    this.brighten(0);
    this.fit();
  }

  destroy() {
    this.observer.disconnect();
  }

  get photo() {
    const { naturalWidth, naturalHeight } = this.picture;
    const attribute = (name) => Number(this.picture.getAttribute(name)) || 1;
    return { width: naturalWidth || attribute("width"), height: naturalHeight || attribute("height") };
  }

  get box() {
    return { width: this.element.clientWidth || 1, height: this.element.clientHeight || 1 };
  }

  /** Photo pixels on device pixels, one to one. */
  get oneToOne() {
    return 1 / window.devicePixelRatio;
  }

  get isFitted() {
    return geometry.isFitted(this.view, this.photo, this.box);
  }

  fit() {
    this.#show(geometry.fitted(this.photo, this.box, this.view?.turns ?? 0));
  }

  actual(point = { x: 0, y: 0 }) {
    this.zoom(this.oneToOne / this.view.scale, point);
  }

  /** Fit and 1:1 in turn. A photo with fewer pixels than the screen is enlarged instead: 1:1 would make it smaller. */
  toggle(point = { x: 0, y: 0 }) {
    if (!this.isFitted) return this.fit();
    if (this.oneToOne > this.view.scale) return this.actual(point);
    return this.zoom(2.5, point);
  }

  zoom(factor, point = { x: 0, y: 0 }) {
    this.#show(geometry.zoomed(this.view, factor, point, this.photo, this.box));
  }

  /** The photo's square closely, or the whole photo. */
  closely(on) {
    if (!on || !this.part) return this.fit();
    return this.#show(geometry.onto(this.part, this.photo, this.box, this.view.turns), true);
  }

  pan(dx, dy) {
    this.#show(geometry.panned(this.view, dx, dy, this.photo, this.box));
  }

  rotate(by) {
    const view = geometry.rotated(this.view, by, this.photo, this.box);
    if (this.isClose) this.#show(geometry.onto(this.part, this.photo, this.box, view.turns), true);
    else this.#show(view);
  }

  brighten(steps) {
    const wanted = this.brightness + steps * BRIGHTNESS.step;
    this.brightness = Math.min(Math.max(wanted, BRIGHTNESS.least), BRIGHTNESS.most);
    this.picture.style.filter = Math.abs(this.brightness - 1) < 0.01 ? "" : `brightness(${this.brightness.toFixed(2)})`;
    this.element.dataset.brightness = this.brightness.toFixed(1);
  }

  reset() {
    this.brightness = this.usual.brightness;
    this.brighten(0);
    this.#show(geometry.fitted(this.photo, this.box));
  }

  /** Another photo in the same place; it starts as all photos do. */
  load(address, width, height) {
    this.picture.width = width;
    this.picture.height = height;
    this.picture.src = address;
    this.reset();
  }

  /** What the buttons beside the photo and their keys ask for. */
  command(name) {
    const commands = {
      fit: () => this.fit(),
      actual: () => this.actual(),
      toggle: () => this.toggle(),
      in: () => this.zoom(STEP),
      out: () => this.zoom(1 / STEP),
      left: () => this.pan(NUDGE, 0),
      right: () => this.pan(-NUDGE, 0),
      up: () => this.pan(0, NUDGE),
      down: () => this.pan(0, -NUDGE),
      "turn-right": () => this.rotate(1),
      "turn-left": () => this.rotate(-1),
      brighter: () => this.brighten(1),
      darker: () => this.brighten(-1),
      reset: () => this.reset(),
    };
    commands[name]?.();
  }

  #show(view, isClose = false) {
    const { photo, box } = this;
    this.view = view;
    this.isClose = isClose;
    this.layer.style.setProperty("--zoom", String(view.scale));
    this.layer.style.width = `${photo.width}px`;
    this.layer.style.height = `${photo.height}px`;
    this.layer.style.transform = geometry.transformOf(view, photo, box);
    const fits = this.isFitted;
    this.element.dataset.fitted = String(fits);
    this.element.dataset.zoom = (view.scale / this.oneToOne).toFixed(2);
    this.element.dataset.turns = String(view.turns);
    this.lastFitted = fits;
    this.onChange(this);
  }

  #resized() {
    if (!this.view) return;
    if (this.isClose) this.closely(true);
    else this.#show(this.lastFitted ? geometry.fitted(this.photo, this.box, this.view.turns) : geometry.settled(this.view, this.photo, this.box));
  }

  #at(event) {
    const frame = this.element.getBoundingClientRect();
    return { x: event.clientX - frame.left - frame.width / 2, y: event.clientY - frame.top - frame.height / 2 };
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 32 : 1);
    this.zoom(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0018)), this.#at(event));
  }

  #down(event) {
    if (event.button !== 0 || event.target.closest("button, a, [data-editor]")) return;
    this.pointers.set(event.pointerId, this.#at(event));
    this.element.setPointerCapture(event.pointerId);
    this.element.classList.add("viewer--held");
  }

  #moved(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const after = this.#at(event);
    if (this.pointers.size === 1) this.pan(after.x - before.x, after.y - before.y);
    if (this.pointers.size === 2) {
      const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const { factor, point, dx, dy } = geometry.pinch([before, ...others], [after, ...others]);
      this.pan(dx, dy);
      this.zoom(factor, point);
    }
    this.pointers.set(event.pointerId, after);
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.element.classList.remove("viewer--held");
  }
}
