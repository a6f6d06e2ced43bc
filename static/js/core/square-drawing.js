/**
 * Draws squares over a photo as SVG: the current one with its grips, dashed while it is only suggested, and further
 * suggestions with their numbers. Sizes of grips and numbers are in screen pixels, independent of the photo's size.
 */
import * as geometry from "./square-geometry.js";

const SVG = "http://www.w3.org/2000/svg";
const GRIP = 6;
const HIT = 44;
const BADGE = 13;
const TEXT = 15;
const TAG = { height: 30, padding: 12, gap: 8 };

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

const rectOf = ({ x, y, side }) => ({ x, y, width: side, height: side });

export class SquareDrawing {
  /** @param {HTMLElement} element  the layer over the photo
   *  @param {{width: number, height: number}} photo  upright size in pixels */
  constructor(element, photo) {
    this.element = element;
    this.photo = photo;
    this.svg = document.createElementNS(SVG, "svg");
    set(this.svg, { viewBox: `0 0 ${photo.width} ${photo.height}`, "aria-hidden": "true", focusable: "false" });
    this.shade = shape("path", "editor__shade", this.svg);
    this.shade.setAttribute("fill-rule", "evenodd");
    this.suggested = shape("g", "editor__suggestions", this.svg);
    this.edge = shape("rect", "editor__edge", this.svg);
    this.body = shape("rect", "editor__square", this.svg);
    this.words = shape("g", "editor__words", this.svg);
    this.grips = geometry.CORNERS.map(() => shape("circle", "editor__grip", this.svg));
    this.hits = geometry.CORNERS.map((name) => {
      const hit = shape("rect", "editor__hit", this.svg);
      hit.dataset.corner = name;
      return hit;
    });
    element.append(this.svg);
  }

  /** @param {{x: number, y: number, side: number}|null} square  the current one
   *  @param {boolean} isSuggested  whether the computer placed it, not a person
   *  @param {object[]} suggestions  all detected squares; numbered if there are several
   *  @param {string} label  shown beside a single suggestion */
  render(square, isSuggested, suggestions, label) {
    this.element.classList.toggle("editor--suggested", Boolean(square) && isSuggested);
    const several = suggestions.length > 1;
    const isOther = ([suggestion]) => several && !geometry.same(suggestion, square);
    const others = suggestions.map((suggestion, index) => [suggestion, index]).filter(isOther);
    this.suggested.replaceChildren();
    for (const [suggestion, index] of others) this.#suggestion(suggestion, index);
    this.#current(square, others.map(([suggestion]) => suggestion));
    this.words.replaceChildren();
    if (several) suggestions.forEach((suggestion, index) => this.#number(suggestion, index + 1));
    else if (square && isSuggested && label) this.#tag(square, label);
  }

  #current(square, others) {
    for (const part of [this.shade, this.edge, this.body, ...this.grips, ...this.hits]) {
      part.setAttribute("display", square ? "inline" : "none");
    }
    if (!square) return;
    const { width, height } = this.photo;
    const pixel = this.pixel();
    const outward = Math.max(0, Math.min(HIT / 2, (1.6 * HIT - square.side / pixel) / 2)) * pixel;
    const holes = [square, ...others].map(({ x, y, side }) => `M${x} ${y}h${side}v${side}h${-side}Z`);
    this.shade.setAttribute("d", `M0 0H${width}V${height}H0Z ${holes.join(" ")}`);
    for (const rect of [this.edge, this.body]) set(rect, rectOf(square));
    geometry.CORNERS.forEach((name, index) => {
      const at = geometry.corner(square, name);
      set(this.grips[index], { cx: at.x, cy: at.y, r: GRIP * pixel });
      set(this.hits[index], {
        x: at.x - (HIT / 2) * pixel + (name.includes("e") ? outward : -outward),
        y: at.y - (HIT / 2) * pixel + (name.includes("s") ? outward : -outward),
        width: HIT * pixel,
        height: HIT * pixel,
      });
    });
  }

  #suggestion(square, index) {
    set(shape("rect", "editor__edge", this.suggested), rectOf(square));
    const body = shape("rect", "editor__suggestion", this.suggested);
    set(body, rectOf(square));
    body.dataset.suggestion = index;
  }

  #number(square, number) {
    const pixel = this.pixel();
    const at = geometry.inside({ x: square.x + square.side / 2, y: square.y }, BADGE * pixel, this.photo);
    set(shape("circle", "editor__plate", this.words), { cx: at.x, cy: at.y, r: BADGE * pixel });
    this.#text(number, at, pixel);
  }

  /** Below the square, or above it if there is no room, or else inside. */
  #tag(square, label) {
    const pixel = this.pixel();
    const plate = shape("rect", "editor__plate", this.words);
    const text = this.#text(label, { x: 0, y: 0 }, pixel);
    const width = text.getComputedTextLength() + 2 * TAG.padding * pixel;
    const away = (TAG.gap + TAG.height / 2) * pixel;
    const below = square.y + square.side + away;
    const above = square.y - away;
    const fits = (y) => y >= away && y <= this.photo.height - away;
    const y = [below, above].find(fits) ?? square.y + square.side - away;
    const at = { x: geometry.inside({ x: square.x + square.side / 2, y }, width / 2 + 4 * pixel, this.photo).x, y };
    const height = TAG.height * pixel;
    set(plate, { x: at.x - width / 2, y: y - height / 2, width, height, rx: height / 2 });
    set(text, at);
  }

  #text(words, at, pixel) {
    const text = shape("text", "editor__text", this.words);
    set(text, { ...at, "font-size": TEXT * pixel });
    text.textContent = words;
    return text;
  }

  /** What is under a pointer: a corner's name, the index of a suggestion, the square, or nothing. */
  at(target) {
    if (target.dataset?.corner) return { corner: target.dataset.corner };
    if (target.dataset?.suggestion) return { suggestion: Number(target.dataset.suggestion) };
    return { body: target === this.body };
  }

  /** Photo pixels in one pixel of the screen. */
  pixel() {
    const matrix = this.svg.getScreenCTM();
    const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 0;
    return scale ? 1 / scale : 1;
  }

  /** The position of a pointer in pixels of the photo. */
  point(event) {
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
  }
}
