/** The square of the photo on the desk, to be moved or drawn: while it is, keys act on nothing else. */
import { PhotoSquare } from "../photo-square.js";

export class Placing {
  /** @param {HTMLElement} article
   *  @param {import("./viewer.js").Viewer} viewer
   *  @param {(key: string, values?: object) => string} say
   *  @param {(text: string) => void} announce */
  constructor(article, viewer, say, announce) {
    this.article = article;
    this.viewer = viewer;
    this.say = say;
    this.announce = announce;
    this.form = article.querySelector("[data-placing]");
    this.bar = article.querySelector(".stage__bar");
    this.layer = article.querySelector("[data-editor]");
    this.square = null;
    this.form.querySelector("[data-cancel]").addEventListener("click", () => this.stop());
  }

  /** @param {DOMStringMap} looked  of the photo that is shown, as templates/_square.html writes it
   *  @param {string} position  the photo's among those of its submission */
  start(looked, position) {
    if (this.square) return;
    this.form.elements.photo.value = position;
    this.#toggle(true);
    this.square = new PhotoSquare(this.article, this.viewer.photo, this.say, this.announce);
    this.square.begin(looked);
    this.layer.setAttribute("aria-label", `${this.say("squareName", { number: Number(position) + 1 })}. ${this.say("squareKeys")}`);
    this.layer.focus({ preventScroll: true });
  }

  stop() {
    this.square?.destroy();
    this.square = null;
    this.#toggle(false);
    this.article.focus({ preventScroll: true });
  }

  /** Whether there is something to save. */
  get isChanged() {
    return Boolean(this.square?.isChanged);
  }

  #toggle(placing) {
    this.form.hidden = !placing;
    this.bar.hidden = placing;
    this.layer.hidden = !placing;
    this.article.classList.toggle("desk--placing", placing);
  }
}
