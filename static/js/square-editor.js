/**
 * Draws the square on a photo and lets it be placed by touch, mouse and keyboard.
 * A tap places it; dragging on the photo draws it (a finger that goes up or down scrolls the page instead);
 * the square moves, its corners change its size. Keys: arrows, plus, minus, Enter, Escape.
 */
import * as geometry from "./square-geometry.js";

const SVG = "http://www.w3.org/2000/svg";
const GRIP = 6;
const HIT = 44;
const DRAG_STARTS_AT = 6;

function shape(name, className, parent) {
  const node = document.createElementNS(SVG, name);
  node.setAttribute("class", className);
  if (name === "rect") node.setAttribute("vector-effect", "non-scaling-stroke");
  parent.append(node);
  return node;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

export class SquareEditor {
  /** @param {HTMLElement} element  the focusable layer over the photo
   *  @param {{width: number, height: number}} photo  upright size in pixels
   *  @param {(square: object|null, byKeyboard: boolean) => void} onChange */
  constructor(element, photo, onChange) {
    this.element = element;
    this.photo = photo;
    this.onChange = onChange;
    this.square = null;
    this.gesture = null;
    this.#draw();
    element.hidden = false;
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#moved(event));
    element.addEventListener("pointerup", (event) => this.#up(event));
    element.addEventListener("pointercancel", () => this.#cancel());
    element.addEventListener("keydown", (event) => this.#key(event));
    // A finger on the square or a corner must not scroll the page; touch-action does not reach inside an SVG everywhere.
    element.addEventListener("touchstart", (event) => {
      if (event.target === this.body || this.hits.includes(event.target)) event.preventDefault();
    }, { passive: false });
    this.observer = new ResizeObserver(() => this.#render());
    this.observer.observe(element);
  }

  destroy() {
    this.observer.disconnect();
  }

  change(square, byKeyboard = false) {
    this.square = square;
    this.#render();
    this.onChange(square, byKeyboard);
  }

  #draw() {
    this.svg = document.createElementNS(SVG, "svg");
    set(this.svg, { viewBox: `0 0 ${this.photo.width} ${this.photo.height}`, "aria-hidden": "true", focusable: "false" });
    this.shade = shape("path", "editor__shade", this.svg);
    this.shade.setAttribute("fill-rule", "evenodd");
    this.edge = shape("rect", "editor__edge", this.svg);
    this.body = shape("rect", "editor__square", this.svg);
    this.grips = geometry.CORNERS.map(() => shape("circle", "editor__grip", this.svg));
    this.hits = geometry.CORNERS.map((name) => {
      const hit = shape("rect", "editor__hit", this.svg);
      hit.dataset.corner = name;
      return hit;
    });
    this.element.append(this.svg);
    this.#render();
  }

  #render() {
    const parts = [this.shade, this.edge, this.body, ...this.grips, ...this.hits];
    for (const part of parts) part.setAttribute("display", this.square ? "inline" : "none");
    if (!this.square) return;
    const { x, y, side } = this.square;
    const { width, height } = this.photo;
    const pixel = this.#pixel();
    const shown = side / pixel;
    const outward = Math.max(0, Math.min(HIT / 2, (1.6 * HIT - shown) / 2)) * pixel;
    this.shade.setAttribute("d", `M0 0H${width}V${height}H0Z M${x} ${y}h${side}v${side}h${-side}Z`);
    for (const rect of [this.edge, this.body]) set(rect, { x, y, width: side, height: side });
    geometry.CORNERS.forEach((name, index) => {
      const at = geometry.corner(this.square, name);
      set(this.grips[index], { cx: at.x, cy: at.y, r: GRIP * pixel });
      set(this.hits[index], {
        x: at.x - (HIT / 2) * pixel + (name.includes("e") ? outward : -outward),
        y: at.y - (HIT / 2) * pixel + (name.includes("s") ? outward : -outward),
        width: HIT * pixel,
        height: HIT * pixel,
      });
    });
  }

  /** Photo pixels in one pixel of the screen. */
  #pixel() {
    const matrix = this.svg.getScreenCTM();
    return matrix && matrix.a ? 1 / matrix.a : 1;
  }

  #point(event) {
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
  }

  #down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const corner = event.target.dataset?.corner;
    const kind = corner ? "resize" : event.target === this.body ? "move" : "draw";
    const start = this.#point(event);
    const anchor = corner ? geometry.corner(this.square, geometry.opposite(corner)) : start;
    this.gesture = { kind, start, anchor, before: this.square, x: event.clientX, y: event.clientY, dragging: false };
    this.element.setPointerCapture(event.pointerId);
    if (event.pointerType === "mouse") event.preventDefault();
    this.element.focus({ preventScroll: true });
  }

  #moved(event) {
    const gesture = this.gesture;
    if (!gesture) return;
    const far = Math.hypot(event.clientX - gesture.x, event.clientY - gesture.y) >= DRAG_STARTS_AT;
    if (!gesture.dragging && !far) return;
    gesture.dragging = true;
    const point = this.#point(event);
    if (gesture.kind === "move") {
      const { start, before } = gesture;
      this.change(geometry.move(before, point.x - start.x, point.y - start.y, this.photo));
    } else {
      this.change(geometry.stretch(gesture.anchor, point, this.photo));
    }
  }

  #up(event) {
    const gesture = this.gesture;
    this.gesture = null;
    if (!gesture || gesture.dragging || gesture.kind !== "draw") return;
    const side = this.square ? this.square.side : geometry.usualSide(this.photo);
    this.change(geometry.around(this.#point(event), side, this.photo));
  }

  #cancel() {
    if (this.gesture?.dragging) this.change(this.gesture.before);
    this.gesture = null;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = this.#afterKey(event.key, event.shiftKey ? 4 : 1);
    if (next === undefined) return;
    event.preventDefault();
    this.change(next, true);
  }

  #afterKey(key, times) {
    if (key === "Escape" || key === "Delete" || key === "Backspace") return this.square ? null : undefined;
    const step = 0.015 * Math.min(this.photo.width, this.photo.height) * times;
    const actions = {
      ArrowLeft: (square) => geometry.move(square, -step, 0, this.photo),
      ArrowRight: (square) => geometry.move(square, step, 0, this.photo),
      ArrowUp: (square) => geometry.move(square, 0, -step, this.photo),
      ArrowDown: (square) => geometry.move(square, 0, step, this.photo),
      "+": (square) => geometry.grow(square, 1.08, this.photo),
      "=": (square) => geometry.grow(square, 1.08, this.photo),
      "-": (square) => geometry.grow(square, 1 / 1.08, this.photo),
      Enter: (square) => square,
      " ": (square) => square,
    };
    if (!(key in actions)) return undefined;
    const middle = { x: this.photo.width / 2, y: this.photo.height / 2 };
    if (!this.square) return geometry.around(middle, geometry.usualSide(this.photo), this.photo);
    return actions[key](this.square);
  }
}
