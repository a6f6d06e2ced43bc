/**
 * The photos that will be sent: previews, limits, squares. The file input always holds the same files in the same
 * order as the list, so the form can be sent with or without script.
 */
import { Search } from "./find-animals.js";
import { PhotoSquare } from "../core/photo-square.js";

const nameOf = (file) => file.name || "photo";
const sameFile = (a, b) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;

export function isAccepted(file, accept) {
  const wanted = accept.split(",").map((part) => part.trim().toLowerCase()).filter(Boolean);
  const name = nameOf(file).toLowerCase();
  return wanted.some((part) => {
    if (part.startsWith(".")) return name.endsWith(part);
    if (part.endsWith("/*")) return file.type.startsWith(part.slice(0, -1));
    return file.type === part;
  });
}

export class PhotoList {
  constructor(form, say, { onAdded, onRemoved, onProblem }) {
    this.form = form;
    this.say = say;
    this.onAdded = onAdded;
    this.onRemoved = onRemoved;
    this.onProblem = onProblem;
    this.items = [];
    this.maxPhotos = Number(form.dataset.maxPhotos);
    this.maxBytes = Number(form.dataset.maxMegabytes) * 1024 * 1024;
    const find = (selector) => form.querySelector(selector);
    this.input = find("[data-file-input]");
    this.takeInput = find("[data-take-input]");
    this.list = find("[data-photo-list]");
    this.drop = find("[data-drop]");
    this.template = find("[data-photo-template]");
    this.status = find("[data-square-status]");
    this.search = form.dataset.find ? new Search(form.dataset.find) : null;
    this.#listen();
  }

  get files() {
    return this.items.map((item) => item.file);
  }

  #listen() {
    this.drop.querySelector("[data-take]").hidden = false;
    this.drop.querySelector("[data-drop-more]").hidden = matchMedia("(pointer: coarse)").matches;
    for (const input of [this.input, this.takeInput]) {
      input.addEventListener("change", () => {
        const chosen = [...input.files];
        if (input === this.takeInput) input.value = "";
        this.add(chosen.filter((file) => !this.files.includes(file)));
      });
    }
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      this.drop.classList.add("drop--over");
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) this.drop.classList.remove("drop--over");
    });
    document.addEventListener("drop", (event) => {
      this.drop.classList.remove("drop--over");
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.add([...event.dataTransfer.files]);
    });
    document.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      this.add([...event.clipboardData.files]);
    });
    if (this.input.files.length) this.add([...this.input.files]);
  }

  /** Adds what fits the limits, and says plainly what was left out and why. */
  add(files) {
    const problems = [];
    const tooMany = [];
    const added = [];
    for (const file of files) {
      const name = nameOf(file);
      if (!isAccepted(file, this.input.accept)) problems.push(this.say("notAPhoto", { name }));
      else if (file.size > this.maxBytes) problems.push(this.say("tooLarge", { name, max: this.form.dataset.maxMegabytes }));
      else if (this.files.some((other) => sameFile(other, file))) problems.push(this.say("alreadyThere", { name }));
      else if (this.items.length >= this.maxPhotos) tooMany.push(name);
      else added.push(this.#addItem(file));
    }
    if (tooMany.length) problems.push(this.say("tooMany", { max: this.maxPhotos, names: tooMany.join(", ") }));
    this.#sync();
    this.onProblem(problems.join(" "));
    if (added.length) {
      this.#announce(added.map((item) => this.say("photoAdded", { name: nameOf(item.file) })).join(" "));
      this.onAdded(added.map((item) => item.file));
    }
  }

  #addItem(file) {
    const element = this.template.content.firstElementChild.cloneNode(true);
    const item = { file, element, square: null, url: URL.createObjectURL(file) };
    const find = (selector) => element.querySelector(selector);
    const image = find(".photo-item__image");
    image.addEventListener("load", () => this.#shown(item, image));
    image.addEventListener("error", () => {
      image.hidden = true;
      find("[data-name]").textContent = nameOf(file);
      find(".photo-item__placeholder").hidden = false;
    });
    image.src = item.url;
    find("[data-remove]").addEventListener("click", () => this.#remove(item));
    this.items.push(item);
    this.list.append(element);
    return item;
  }

  async #shown(item, image) {
    if (item.square) return;
    const photo = { width: image.naturalWidth, height: image.naturalHeight };
    item.element.querySelector("[data-shown]").value = `${photo.width}x${photo.height}`;
    item.square = new PhotoSquare(item.element, photo, this.say, (text) => this.#announce(text));
    item.square.suggest(await this.search?.squaresOf(image));
  }

  /** The photos are being sent: nothing is looked for any more. */
  stopSearching() {
    this.search?.stop();
  }

  #remove(item) {
    const index = this.items.indexOf(item);
    this.items.splice(index, 1);
    item.square?.destroy();
    URL.revokeObjectURL(item.url);
    item.element.remove();
    this.#sync();
    this.onProblem("");
    this.onRemoved(this.files);
    this.#announce(this.say("photoRemoved", { name: nameOf(item.file) }));
    const neighbour = this.items[Math.min(index, this.items.length - 1)];
    (neighbour?.element.querySelector("[data-remove]") ?? this.input).focus();
  }

  #sync() {
    const transfer = new DataTransfer();
    for (const file of this.files) transfer.items.add(file);
    this.input.files = transfer.files;
    const count = this.items.length;
    this.list.hidden = count === 0;
    this.drop.classList.toggle("drop--more", count > 0);
    this.drop.classList.toggle("drop--full", count >= this.maxPhotos);
    this.form.querySelector("[data-choose-text]").textContent = this.say(count ? "addMore" : "choose");
    this.items.forEach((item, index) => this.#label(item, index + 1));
  }

  #label(item, number) {
    const name = nameOf(item.file);
    const find = (selector) => item.element.querySelector(selector);
    find(".photo-item__image").alt = this.say("photoAlt", { number, name });
    find("[data-remove]").setAttribute("aria-label", this.say("removeNamed", { name }));
    find("[data-editor]").setAttribute("aria-label", `${this.say("squareName", { number })}. ${this.say("squareKeys")}`);
  }

  /** What the server said about single photos, by file name. Returns whether a photo of that name is here. */
  showProblem(filename, message) {
    const item = this.items.find((candidate) => nameOf(candidate.file) === filename);
    if (!item) return false;
    const line = item.element.querySelector("[data-photo-error]");
    line.textContent = message;
    line.hidden = false;
    item.element.classList.add("photo-item--broken");
    return true;
  }

  has(filename) {
    return this.items.some((item) => nameOf(item.file) === filename);
  }

  hasProblems() {
    return this.items.some((item) => !item.element.querySelector("[data-photo-error]").hidden);
  }

  clearProblems() {
    for (const { element } of this.items) {
      element.querySelector("[data-photo-error]").hidden = true;
      element.classList.remove("photo-item--broken");
    }
  }

  #announce(text) {
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => { this.status.textContent = text; }, 250);
  }
}
