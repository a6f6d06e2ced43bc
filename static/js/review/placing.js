/** The square of the photo on the desk, to be moved or drawn: while it is, keys act on nothing else. */
import { PhotoSquare } from "../core/photo-square.js";

const PAUSE_MS = 500;
const MOST_LOOKS = 40; // then the second opinion may come when it likes

export class Placing {
  /** @param {HTMLElement} article
   *  @param {import("./viewer.js").Viewer} viewer
   *  @param {(key: string, values?: object) => string} say
   *  @param {{service: import("./service.js").Service, toasts: import("./toast.js").Toasts, reload: () => Promise<boolean>, settle: () => void}} desk
   *    `reload` shows the item as it stands now and resolves to whether the computer still has to look; `settle` ends the wait */
  constructor(article, viewer, say, desk) {
    this.article = article;
    this.viewer = viewer;
    this.say = say;
    this.desk = desk;
    const find = (selector) => article.querySelector(selector);
    this.form = find("[data-placing]");
    this.tools = find(".stage__bar");
    this.actions = find("[data-actions]");
    this.layer = find("[data-editor]");
    this.status = find("[data-square-status]");
    this.square = null;
    this.form.querySelector("[data-cancel]").addEventListener("click", () => this.stop());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.square.isChanged) this.#send();
      else this.stop();
    });
  }

  /** @param {DOMStringMap} looked  of the photo that is shown, as templates/_square.html writes it */
  start(looked) {
    if (this.square) return;
    this.address = `/review/${this.article.dataset.item}/photos/${looked.number}/square`;
    this.#toggle(true);
    this.square = new PhotoSquare(this.article, this.viewer.photo, this.say, (text) => { this.status.textContent = text; });
    this.square.begin(looked);
    this.layer.setAttribute("aria-label", `${this.say("squareName", { number: looked.number })}. ${this.say("squareKeys")}`);
    this.layer.focus({ preventScroll: true });
  }

  stop() {
    this.square?.destroy();
    this.square = null;
    this.#toggle(false);
    this.article.focus({ preventScroll: true });
  }

  /** The photo was zoomed, turned or moved. */
  redraw() {
    this.square?.editor.redraw();
  }

  /** Keep it, and show the item anew until the computer has looked again. What was not kept can be sent once more. */
  async #send() {
    const { revision, square } = this.form.elements;
    const { service, toasts, reload, settle } = this.desk;
    try {
      await service.post(this.address, { revision: revision.value, square: square.value });
      toasts.clear("placing");
      toasts.say(this.say("placed"));
      for (let looks = 0; looks < MOST_LOOKS && (await reload()); looks += 1) {
        await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
      }
    } catch (failure) {
      toasts.warn("placing", this.say("notPlaced", { why: failure.detail ?? "" }), [], this.say("close"));
    } finally {
      settle();
    }
  }

  #toggle(placing) {
    this.form.hidden = !placing;
    this.tools.hidden = placing;
    this.actions.inert = placing;
    this.layer.hidden = !placing;
    this.article.classList.toggle("desk--placing", placing);
  }
}
