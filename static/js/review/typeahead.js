/** Pick a taxon by a few letters of any of its names: a combobox as WAI-ARIA describes it. */
const PAUSE_MS = 80;

export class Typeahead {
  /** @param {HTMLElement} element  [data-typeahead] with an input and a listbox
   *  @param {(text: string, signal: AbortSignal) => Promise<{scientific_name: string, name: string}[]>} search
   *  @param {(taxon: object) => void} onPick
   *  @param {(key: string, values?: object) => string} say */
  constructor(element, search, onPick, say) {
    this.input = element.querySelector("input");
    this.list = element.querySelector("[role=listbox]");
    this.search = search;
    this.onPick = onPick;
    this.say = say;
    this.found = [];
    this.active = -1;
    this.eager = false;
    Object.entries({ role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": this.list.id }).forEach(
      ([name, value]) => this.input.setAttribute(name, value),
    );
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option?.dataset.index) this.#pick(Number(option.dataset.index));
    });
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  #typed() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.eager = false;
    this.found = [];
    const text = this.input.value.trim();
    if (!text) return this.close();
    this.timer = setTimeout(() => this.#ask(text), PAUSE_MS);
    return undefined;
  }

  async #ask(text) {
    this.asking = new AbortController();
    try {
      this.found = await this.search(text, this.asking.signal);
      this.#show(this.found.length ? null : this.say("noTaxon", { text }));
      if (this.eager && this.found.length === 1) this.#pick(0);
    } catch (failure) {
      if (failure.name === "AbortError") return;
      this.found = [];
      this.#show(this.say("searchFailed"));
    }
  }

  #show(sentence) {
    const options = this.found.map((taxon, index) => {
      const option = document.createElement("li");
      Object.assign(option, { id: `${this.list.id}-${index}`, className: "pick__option" });
      option.setAttribute("role", "option");
      option.dataset.index = index;
      const name = document.createElement("span");
      name.textContent = taxon.name;
      const scientific = document.createElement("i");
      scientific.lang = "la";
      scientific.textContent = taxon.scientific_name;
      option.append(name, " ", scientific);
      return option;
    });
    if (sentence) options.push(Object.assign(document.createElement("li"), { className: "pick__none", textContent: sentence, role: "option", ariaDisabled: "true" }));
    this.list.replaceChildren(...options);
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#mark(this.found.length ? 0 : -1);
  }

  #mark(index) {
    this.active = index;
    [...this.list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    if (index < 0) return this.input.removeAttribute("aria-activedescendant");
    this.list.children[index].scrollIntoView({ block: "nearest" });
    return this.input.setAttribute("aria-activedescendant", this.list.children[index].id);
  }

  #key(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      this.input.value = "";
      this.found = [];
      this.close();
      this.input.blur();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && this.found.length) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#mark((this.active + step + this.found.length) % this.found.length);
    } else if (event.key === "Enter") {
      event.preventDefault(); // Enter would press the form's first button: the claim
      if (this.found.length) this.#pick(this.active);
      else this.eager = true; // the answer is on its way: one that is the only one is meant
    }
  }

  #pick(index) {
    const taxon = this.found[index];
    if (!taxon) return;
    this.input.value = taxon.scientific_name;
    this.close();
    this.onPick(taxon);
  }
}
