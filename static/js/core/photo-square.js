/** The square of one photo: a detected square is shown as a suggestion, and the person decides. */
import { SquareEditor } from "./square-editor.js";
import { fromFractions, partOf, partsOf } from "./square-geometry.js";

const byFinger = () => matchMedia("(pointer: coarse)").matches;

export class PhotoSquare {
  /** @param {HTMLElement} element  with the layer, the hint, the buttons and the field (templates/core/_square.html)
   *  @param {{width: number, height: number}} photo  upright size in pixels
   *  @param {(key: string, values?: object) => string} say
   *  @param {(text: string) => void} announce  to screen readers */
  constructor(element, photo, say, announce) {
    this.say = say;
    this.announce = announce;
    const find = (selector) => element.querySelector(selector);
    this.field = find("[data-placed]");
    this.hint = find("[data-square-hint]");
    this.clear = find("[data-clear]");
    this.choices = find("[data-choices]");
    this.isSearched = false;
    this.photo = photo;
    const changed = (byKeyboard) => this.#changed(byKeyboard);
    this.editor = new SquareEditor(find("[data-editor]"), photo, changed, say("weThink"));
    this.clear.onclick = () => {
      this.editor.change(null);
      this.editor.element.focus({ preventScroll: true });
    };
    this.field.value = "";
    this.choices.replaceChildren();
    this.#show();
  }

  destroy() {
    this.editor.destroy();
  }

  /** @param {object[]|null|undefined} squares  detected squares; null if there was no detection */
  suggest(squares) {
    if (!squares) return;
    this.isSearched = true;
    this.choices.replaceChildren(...(squares.length > 1 ? squares.map((_, index) => this.#choice(index)) : []));
    this.editor.suggest(squares);
    if (this.editor.state !== "suggested") return;
    const words = [squares.length > 1 ? "" : `${this.say("weThink")}.`, this.#place(), this.hint.textContent];
    this.announce(words.filter(Boolean).join(" "));
  }

  /** Start with the square of a prediction: one that a person drew is kept, a detected one is a suggestion.
   *  @param {DOMStringMap} data  from templates/core/_square.html */
  begin({ square, origin, searched, others }) {
    if (origin === "given" && square) this.editor.change(fromFractions(partOf(square), this.photo));
    else if (searched === "yes") this.suggest([partOf(square), ...partsOf(others)].filter(Boolean));
    this.before = this.field.value;
  }

  /** Whether a person placed or cleared the square since then. */
  get isChanged() {
    return this.field.value !== this.before;
  }

  #choice(index) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button--small button--number";
    button.textContent = index + 1;
    button.setAttribute("aria-label", this.say("chooseNumber", { number: index + 1 }));
    button.addEventListener("click", () => this.editor.choose(index));
    return button;
  }

  #changed(byKeyboard) {
    const before = this.field.value;
    this.field.value = this.editor.value;
    this.#show();
    if (before === this.field.value) return;
    if (!this.editor.square) this.announce(this.say("squareCleared"));
    else if (byKeyboard) this.announce(this.#place());
  }

  #show() {
    const { chosen } = this.editor;
    this.clear.hidden = !this.editor.square;
    this.hint.textContent = this.say(this.#hint());
    this.choices.hidden = !this.choices.childElementCount;
    [...this.choices.children].forEach((button, index) => button.setAttribute("aria-pressed", String(index === chosen)));
  }

  #hint() {
    const { state, suggestions } = this.editor;
    const how = byFinger() ? "" : "Mouse";
    if (suggestions.length > 1 && state !== "rejected") return suggestions.length === 2 ? "chooseOfTwo" : "chooseOfMany";
    if (state === "suggested") return `suggestionHint${how}`;
    if (state === "drawn") return "squareHintSet";
    if (state === "rejected") return `wholeHint${how}`;
    return `${this.isSearched ? "noneFoundHint" : "squareHint"}${how}`;
  }

  #place() {
    const { x, y, side } = this.editor.square;
    const percent = (part, whole) => Math.round((100 * part) / whole);
    return this.say("squareAt", {
      x: percent(x, this.photo.width), y: percent(y, this.photo.height), size: percent(side, this.photo.width),
    });
  }
}
