/**
 * Looking through collected photos: a key or a button decides, the next undecided photo is at hand at once, and the
 * decision travels behind it. Every key presses a button that is on the page, and every button works without this script.
 */
import { speaker } from "../core/messages.js";
import { OtherSpecies } from "./other-species.js";
import { enhanceHelp } from "../review/help.js";
import { Keys } from "../review/keys.js";
import { Outbox } from "../review/outbox.js";
import { Service } from "../review/service.js";
import { Toasts } from "../review/toast.js";

const MOVES = { ArrowRight: 1, l: 1, ArrowLeft: -1, h: -1, Home: -Infinity, End: Infinity };
const ROWS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };

class Grid {
  constructor(shell) {
    this.shell = shell;
    this.say = speaker(shell);
    this.cards = [...shell.querySelectorAll("[data-photo]")];
    this.current = this.cards[0];
    this.last = []; // what was decided together last
    this.large = null; // the photo that is shown large
    this.dialog = document.querySelector("[data-dialog]");
    this.service = new Service(shell.dataset.csrf);
    this.species = new OtherSpecies(document.querySelector("[data-species]"), (path, signal) => this.service.get(path, signal), this.say, (taxon) => this.#named(taxon));
    this.toasts = new Toasts(document.querySelector("[data-toasts]"), document.querySelector("[data-warnings]"));
    this.outbox = new Outbox(nameOf(shell.dataset), (entry) => this.service.post(entry.path, entry.fields, { keepalive: true }), {
      onState: (state, waiting, failure) => this.#tellState(state, waiting, failure),
      onDone: (entry, answer) => this.#done(entry, answer),
      onRefused: (entry, failure) => this.#refused(entry, failure),
    });
    const controls = { querySelectorAll: (wanted) => this.#controls(wanted) };
    this.keys = new Keys(() => controls);
    enhanceHelp(document.querySelector("#help"), this.keys, () => ({ querySelectorAll: (wanted) => this.#ownAnd(this.current, wanted) }));
    shell.addEventListener("submit", (event) => this.#submitted(event));
    shell.addEventListener("click", (event) => this.#clicked(event));
    shell.addEventListener("focusin", (event) => this.#focused(event));
    document.addEventListener("keydown", (event) => this.#moved(event));
    this.dialog.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
    shell.querySelector("[data-together-undo]").addEventListener("click", () => {
      this.#decide(this.last, "undecided", "");
      this.#focus(this.current);
    });
    for (const dialog of [this.dialog, this.species.dialog]) dialog.addEventListener("close", () => this.#closed());
    window.addEventListener("pageshow", (event) => event.persisted && window.location.reload()); // "back": others may have decided
    this.#refresh();
  }

  /** What keys may press: in the help, its own buttons; else those of the photo at hand and of the page. */
  #controls(wanted) {
    const sheet = document.querySelector(":popover-open");
    if (sheet) return [...sheet.querySelectorAll(wanted)];
    if (this.species.open) return [...this.species.dialog.querySelectorAll(wanted)];
    const own = this.#ownAnd(this.current, wanted);
    return this.dialog.open ? [...this.dialog.querySelectorAll(wanted), ...this.current.querySelectorAll(wanted)] : own;
  }

  #ownAnd(card, wanted) {
    const bar = this.shell.querySelector(".gridbar");
    return [...card.querySelectorAll(wanted), ...bar.querySelectorAll(wanted)];
  }

  #submitted(event) {
    const form = event.target;
    if (form.matches("[data-rest]")) {
      event.preventDefault();
      this.#decideRest();
    } else if (form.matches(".card__deeds")) {
      event.preventDefault();
      this.current = form.closest("[data-photo]");
      if (event.submitter.value === "undecided") return this.#undo();
      this.#decide([this.current], event.submitter.value, event.submitter.dataset.help);
      this.#goOn();
    }
    return undefined;
  }

  /** The photo at hand, or where nobody decided it what was decided last: the next one is at hand by then. */
  #undo() {
    const cards = isUndecided(this.current) ? this.last : [this.current];
    this.#decide(cards, "undecided", "");
    this.#focus(cards[0] ?? this.current);
  }

  /** What the photo at hand shows instead; the one that was looked for, named after all, is right. */
  #named({ scientific_name: shows, name }) {
    const wanted = shows === this.current.dataset.taxon;
    if (wanted) this.#decide([this.current], "right", this.current.querySelector(".card__deed--right").dataset.help);
    else this.#decide([this.current], "other_species", name, shows);
    this.#goOn();
  }

  #decideRest() {
    const left = this.cards.filter(isUndecided);
    if (!left.length) return;
    const word = left[0].querySelector(".card__deed--right").dataset.help;
    this.#decide(left, "right", word);
    this.shell.querySelector("[data-together-words]").textContent = this.say("together", { count: left.length });
    this.shell.querySelector("[data-together]").hidden = false;
  }

  /** Shows it at once, and sends it behind. */
  #decide(cards, decision, word, shows = "") {
    const changed = cards.filter((card) => card.dataset.decision !== decision || card.dataset.shows !== shows);
    this.shell.querySelector("[data-together]").hidden = true; // what comes next is undone by itself
    if (!changed.length) return;
    this.last = decision === "undecided" ? [] : changed;
    const fields = [...changed.map((card) => ["photo", `${card.dataset.photo}:${card.dataset.revision}`]), ["decision", decision], ["shows", shows], ["back", this.shell.dataset.back]];
    for (const card of changed) {
      const undecided = decision === "undecided";
      show(card, { decision, shows, said: undecided ? "" : word, revision: Number(card.dataset.revision) + 1 });
    }
    this.outbox.put({ key: crypto.randomUUID?.() ?? String(Math.random()), path: `${this.shell.dataset.path}/decide`, fields });
    this.#refresh();
    this.toasts.say(decision === "undecided" ? this.say("undone") : this.say("decided", { said: word }));
  }

  #done(_entry, answer) {
    for (const photo of answer.kept) this.#take(photo, photo.revision);
    for (const photo of answer.refused) {
      const card = this.#take(photo, -1);
      if (card) this.toasts.warn(`photo-${photo.id}`, this.say("stale", photo), [], this.say("close"));
    }
    for (const [name, number] of Object.entries(answer.counts)) document.querySelector(`[data-count="${name}"]`).textContent = number;
    this.#refresh();
  }

  /** What the service says counts, unless something newer was done here meanwhile. */
  #take(photo, least) {
    const card = this.cards.find((one) => one.dataset.photo === String(photo.id));
    if (card && (least < 0 || Number(card.dataset.revision) <= least)) show(card, photo);
    return card;
  }

  #refused(entry, failure) {
    for (const card of this.cards) if (entry.fields.some(([name, value]) => name === "photo" && value.startsWith(`${card.dataset.photo}:`))) show(card, { decision: "undecided", shows: "", said: "", revision: 0 });
    this.toasts.warn("refused", this.say("refused", { why: failure.detail }), [{ label: this.say("tryNow"), act: () => window.location.reload() }], this.say("close"));
    this.#refresh();
  }

  #tellState(state, waiting, failure) {
    if (state !== "waiting") return this.toasts?.clear("state");
    const signIn = `/sign-in?next=${encodeURIComponent(window.location.pathname + window.location.search)}`;
    if (failure?.kind === "signed-out") return this.toasts.warn("state", this.say("signedOut"), [{ label: this.say("signIn"), href: signIn }]);
    return this.toasts.warn("state", this.say("away", { count: waiting }), [{ label: this.say("tryNow"), act: () => this.outbox.hurry() }]);
  }

  #refresh() {
    const left = this.cards.filter(isUndecided).length;
    const rest = this.shell.querySelector("[data-rest]");
    rest.hidden = left === 0;
    rest.querySelector("[data-rest-words]").textContent = this.say("rest", { count: left });
    for (const card of this.cards) {
      const here = card === this.current;
      for (const one of card.querySelectorAll("a, button")) one.tabIndex = here ? 0 : -1; // one stop per photo would be two hundred
    }
  }

  /** On to the next photo that nobody decided, after this one or else from the beginning. */
  #goOn() {
    if (this.current.dataset.decision === "undecided") return this.#focus(this.current);
    const at = this.cards.indexOf(this.current);
    const next = [...this.cards.slice(at + 1), ...this.cards.slice(0, at)].find(isUndecided);
    if (next || this.dialog.open) return this.#focus(next ?? this.current);
    return this.shell.querySelector(".gridbar__end").focus(); // the page is done: Enter leads on
  }

  #focus(card) {
    this.current = card;
    this.#refresh();
    if (this.dialog.open) return this.#enlarge(card);
    card.querySelector("[data-large]").focus({ preventScroll: true });
    return card.scrollIntoView({ block: "nearest" }); // with its buttons
  }

  /** The browser goes back to the photo from which the dialogue was opened; the one that was shown last is at hand. */
  #closed() {
    if (!this.dialog.open) this.large = null;
    this.#focus(this.current);
  }

  #focused(event) {
    const card = event.target.closest("[data-photo]");
    if (!card || card === this.current || this.large) return;
    this.current = card;
    this.#refresh();
  }

  #clicked(event) {
    const other = event.target.closest("[data-name-it]");
    if (other && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      this.current = other.closest("[data-photo]");
      this.species.ask(this.current.dataset.taxon);
      return;
    }
    const link = event.target.closest("[data-large]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.current = link.closest("[data-photo]");
    this.#refresh();
    this.#enlarge(this.current);
  }

  #enlarge(card) {
    this.large = card;
    const from = card.querySelector("img");
    const to = this.dialog.querySelector("img");
    to.src = from.src;
    to.alt = from.alt;
    this.dialog.querySelector("[data-large-said]").replaceChildren(...[...card.querySelector(".card__words").children].map((one) => one.cloneNode(true)));
    for (const link of this.dialog.querySelectorAll("a")) link.tabIndex = 0;
    this.dialog.querySelector("[data-large-decision]").textContent = isUndecided(card) ? "" : card.querySelector("[data-said]").textContent;
    this.dialog.querySelector("[data-large-decision]").parentElement.hidden = isUndecided(card);
    this.dialog.querySelector("[data-large-deeds]").replaceChildren(...[...card.querySelectorAll(".card__deed")].filter((one) => one.value !== card.dataset.decision).map(twin));
    if (!this.dialog.open) this.dialog.showModal();
  }

  #moved(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector(":popover-open") || this.species.open) return;
    if (event.target.closest("input, textarea, select")) return;
    const key = event.key;
    if (/^[a-z]$/.test(key) && !this.keys.on) return;
    const onPhoto = event.target.closest("[data-large]");
    if (key === " " && (onPhoto || event.target === document.body)) {
      event.preventDefault();
      this.#enlarge(this.current);
      return;
    }
    const step = key in ROWS ? ROWS[key] * columns(this.cards) : MOVES[key];
    if (step === undefined) return;
    event.preventDefault();
    const entering = !this.dialog.open && !event.target.closest("[data-photo]");
    const at = this.cards.indexOf(this.current) + (entering ? 0 : step);
    this.#focus(this.cards[Math.min(Math.max(at, 0), this.cards.length - 1)]);
  }
}

/** The same button, pressing the first one: the form stays where it is. */
function twin(button) {
  const made = button.cloneNode(true);
  if (made.matches("button")) made.type = "button";
  made.tabIndex = 0;
  for (const name of ["data-key", "aria-describedby", "name"]) made.removeAttribute(name);
  made.addEventListener("click", (event) => {
    event.preventDefault();
    button.click();
  });
  return made;
}

const isUndecided = (card) => card.dataset.decision === "undecided";

function show(card, { decision, shows, said, revision }) {
  Object.assign(card.dataset, { decision, shows, revision });
  card.querySelector("[data-said]").textContent = said;
  card.querySelector("input[name=photo]").value = `${card.dataset.photo}:${revision}`;
}

function columns(cards) {
  const top = (card) => Math.round(card.getBoundingClientRect().top);
  const many = cards.findIndex((card) => top(card) !== top(cards[0]));
  return many < 0 ? cards.length : many;
}

/** On a page without photos: what the grid could not send any more before it was left is sent, and the page shown anew. */
function sendRest({ csrf, path, user }) {
  const service = new Service(csrf);
  const anew = () => box.waiting || window.location.reload();
  const box = new Outbox(nameOf({ path, user }), (entry) => service.post(entry.path, entry.fields, { keepalive: true }), { onState: () => {}, onDone: anew, onRefused: anew });
}

const nameOf = ({ path, user }) => `${path}-${user}`;

document.documentElement.classList.add("js");
const shell = document.querySelector("[data-collected]");
if (shell.matches("[data-rest-only]")) sendRest(shell.dataset);
else new Grid(shell);
