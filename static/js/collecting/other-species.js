/** Naming the species that a photo shows instead of the wanted one: a likely one by a click, any other by a few letters. */
import { Typeahead } from "../review/typeahead.js";

export class OtherSpecies {
  /** @param {HTMLDialogElement} dialog  @param {(path: string, signal: AbortSignal) => Promise<object>} get
   *  @param {(key: string, values?: object) => string} say
   *  @param {(taxon: {scientific_name: string, name: string}) => void} onPick */
  constructor(dialog, get, say, onPick) {
    this.dialog = dialog;
    this.onPick = onPick;
    this.input = dialog.querySelector("input");
    const { source } = dialog.querySelector("[data-typeahead]").dataset;
    const search = (text, signal) => get(`${source}?${new URLSearchParams({ text })}`, signal).then((found) => found.taxa);
    this.typeahead = new Typeahead(dialog, search, (taxon) => this.#pick(taxon), say);
    dialog.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    dialog.addEventListener("click", (event) => {
      const likely = event.target.closest("[data-taxon]");
      if (likely) this.#pick({ scientific_name: likely.dataset.taxon, name: likely.textContent.trim() });
    });
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  }

  get open() {
    return this.dialog.open;
  }

  /** @param {string} wanted  what the photo was found for: it is not what it shows */
  ask(wanted) {
    for (const likely of this.dialog.querySelectorAll("[data-taxon]")) likely.hidden = likely.dataset.taxon === wanted;
    this.input.value = "";
    this.typeahead.close();
    this.dialog.showModal();
    this.input.focus();
  }

  /** Escape leaves the photo as it is, whatever was typed. */
  #key(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.dialog.close();
  }

  #pick(taxon) {
    this.dialog.close();
    this.onPick(taxon);
  }
}
