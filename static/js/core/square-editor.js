/**
 * Lets people place a square on a photo by touch, mouse and keyboard, and shows detected squares to keep, move, choose or
 * clear. A square that a person placed always wins over detected ones.
 *
 * A tap places the square, or takes the suggestion under it; dragging on the photo draws it (a finger that goes up or
 * down scrolls the page instead); the square moves, its corners change its size. Keys: arrows, plus, minus, Enter, Escape.
 */
import { SquareDrawing } from "./square-drawing.js";
import * as geometry from "./square-geometry.js";

const DRAG_STARTS_AT = 6;
/** Sent instead of a square by a person who cleared the detected one. */
const WHOLE = "whole";

export class SquareEditor {
  /** @param {HTMLElement} element  the focusable layer over the photo
   *  @param {{width: number, height: number}} photo  upright size in pixels
   *  @param {(byKeyboard: boolean) => void} onChange  called after `square` or `state` changed
   *  @param {string} label  shown beside a suggestion */
  constructor(element, photo, onChange, label = "") {
    this.element = element;
    this.photo = photo;
    this.onChange = onChange;
    this.label = label;
    this.square = null;
    this.state = "none"; // or "suggested", "drawn", "rejected"
    this.suggestions = [];
    this.gesture = null;
    this.drawing = new SquareDrawing(element, photo);
    element.hidden = false;
    const listening = { signal: (this.ending = new AbortController()).signal };
    element.addEventListener("pointerdown", (event) => this.#down(event), listening);
    element.addEventListener("pointermove", (event) => this.#moved(event), listening);
    element.addEventListener("pointerup", (event) => this.#up(event), listening);
    element.addEventListener("pointercancel", () => this.#cancel(), listening);
    element.addEventListener("keydown", (event) => this.#key(event), listening);
    // A finger on the square or a corner must not scroll the page; touch-action does not reach inside an SVG everywhere.
    // A suggestion may cover the whole photo unasked, so the page still scrolls from there.
    element.addEventListener("touchstart", (event) => {
      const { corner, body } = this.drawing.at(event.target);
      if (corner || (body && this.state === "drawn")) event.preventDefault();
    }, { passive: false, ...listening });
    this.observer = new ResizeObserver(() => this.#render());
    this.observer.observe(element);
    this.#render();
  }

  destroy() {
    this.ending.abort();
    this.observer.disconnect();
    this.drawing.svg.remove();
  }

  /** Redraw after the photo's size on the page changed. */
  redraw() {
    this.#render();
  }

  /** The value for a form: fractions of the photo if a person placed the square, "whole" if a person cleared it. */
  get value() {
    if (this.state === "drawn") return geometry.fractions(this.square, this.photo);
    return this.state === "rejected" ? WHOLE : "";
  }

  /** The index of the suggestion that is the current square, or -1. */
  get chosen() {
    return this.suggestions.findIndex((suggestion) => geometry.same(suggestion, this.square));
  }

  /** Show detected squares, the most certain first; fractions of the photo. */
  suggest(squares) {
    this.suggestions = squares.map((square) => geometry.fromFractions(square, this.photo));
    if (this.state === "none") this.#set(this.suggestions[0] ?? null, squares.length ? "suggested" : "none");
    else this.#render();
    this.onChange(false);
  }

  /** A person takes the suggestion with this index. */
  choose(index) {
    this.change(this.suggestions[index]);
  }

  /** A person places the square, or clears it with null. */
  change(square, byKeyboard = false) {
    const without = this.suggestions.length ? "rejected" : "none";
    this.#set(square, square ? "drawn" : without);
    this.onChange(byKeyboard);
  }

  #set(square, state) {
    this.square = square;
    this.state = state;
    this.#render();
  }

  #render() {
    this.drawing.render(this.square, this.state === "suggested", this.suggestions, this.label);
  }

  #down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const { corner, suggestion, body } = this.drawing.at(event.target);
    const start = this.drawing.point(event);
    const anchor = corner ? geometry.corner(this.square, geometry.opposite(corner)) : start;
    const held = body ? this.square : this.suggestions[suggestion];
    const kind = corner ? "resize" : held ? "move" : "draw";
    const before = { square: this.square, state: this.state };
    this.gesture = { kind, start, anchor, held, before, x: event.clientX, y: event.clientY, dragging: false };
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
    const point = this.drawing.point(event);
    if (gesture.kind === "move") {
      const { start, held } = gesture;
      this.change(geometry.move(held, point.x - start.x, point.y - start.y, this.photo));
    } else {
      this.change(geometry.stretch(gesture.anchor, point, this.photo));
    }
  }

  #up(event) {
    const gesture = this.gesture;
    this.gesture = null;
    if (!gesture || gesture.dragging || gesture.kind === "resize") return;
    if (gesture.held) return this.change(gesture.held);
    const side = this.square ? this.square.side : geometry.usualSide(this.photo);
    this.change(geometry.around(this.drawing.point(event), side, this.photo));
  }

  #cancel() {
    const { gesture } = this;
    this.gesture = null;
    if (!gesture?.dragging) return;
    this.#set(gesture.before.square, gesture.before.state);
    this.onChange(false);
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
