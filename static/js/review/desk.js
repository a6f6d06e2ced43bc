/** One at a time: a key decides, the next photo is there at once, and the decision travels behind it. */
import { speaker } from "../core/messages.js";
import { Ahead } from "./ahead.js";
import { bodyOf, saidOf } from "./decision.js";
import { enhanceHelp } from "./help.js";
import { Keys } from "./keys.js";
import { keepLeases } from "./leases.js";
import { measure } from "./measure.js";
import { Outbox } from "./outbox.js";
import { Service } from "./service.js";
import { listenToSheets } from "./sheets.js";
import { Stage } from "./stage.js";
import { Toasts } from "./toast.js";
import { Trail } from "./trail.js";
import { Typeahead } from "./typeahead.js";

// Nobody judges a photo faster than this; a key that comes sooner was meant for the photo before.
const TOO_SOON_MS = 180;
const REMEMBERED = 60;

class Desk {
  constructor(shell) {
    this.shell = shell;
    this.say = speaker(shell);
    this.query = shell.dataset.query;
    this.usual = { brightness: Number(shell.dataset.brightness) || 1, attention: false, closely: false };
    this.service = new Service(shell.dataset.csrf);
    this.toasts = new Toasts(document.querySelector("[data-toasts]"), document.querySelector("[data-warnings]"));
    this.trail = new Trail();
    this.#takeUpWhereLeft();
    this.ahead = new Ahead((many, have) => this.service.articles(this.#address("/review/ahead", { n: many, have: have.join(",") })));
    this.outbox = new Outbox(shell.dataset.user, (entry) => this.#send(entry), {
      onState: (state, waiting, failure) => this.#tellState(state, waiting, failure),
      onDone: (entry, result) => this.#done(entry, result),
      onRefused: (entry, failure) => this.#refused(entry, failure),
    });
    this.keys = new Keys(() => document.querySelector(":popover-open") ?? document.querySelector("[data-placing]:not([hidden])") ?? document.body);
    enhanceHelp(document.querySelector("#help"), this.keys, () => document.body);
    shell.addEventListener("submit", (event) => this.#submitted(event));
    document.addEventListener("click", (event) => this.#clicked(event));
    listenToSheets(shell);
    this.mount(shell.querySelector("#item"));
    this.ahead.fill(this.#have()).catch(() => {}); // what is missing then is asked for when it is needed
    keepLeases(this.service, () => this.#held(), Number(shell.dataset.renew));
  }

  /** What was decided before this page was opened can be undone too. */
  #takeUpWhereLeft() {
    for (const button of document.querySelectorAll("[data-undo], [data-back]")) button.hidden = false;
    for (const pair of this.shell.dataset.last.split(" ").filter(Boolean)) {
      const [item, identification] = pair.split(":");
      this.trail.push({ item, identification });
    }
    this.before = this.trail.length;
  }

  /** Put an article on the desk. */
  mount(article) {
    this.article = article;
    this.stage?.destroy();
    this.stage = new Stage(article, this.say, this.usual, { service: this.service, toasts: this.toasts, reload: () => this.#reload(article.dataset.item), settle: () => this.article.removeAttribute("data-looking") });
    const taxa = article.querySelector("[data-typeahead]");
    if (taxa) {
      const go = article.querySelector("[data-pick-go]");
      new Typeahead(taxa, (text, signal) => this.#taxa(taxa.dataset.source, text, signal), () => go.click(), this.say);
    }
    this.since = performance.now();
    delete article.dataset.ready;
    setTimeout(() => (article.dataset.ready = "yes"), TOO_SOON_MS);
    this.trail.see(article.dataset.item);
    this.#refresh();
  }

  #swap(article, event) {
    for (const sheet of document.querySelectorAll(":popover-open")) sheet.hidePopover();
    this.article.replaceWith(article);
    this.mount(article);
    article.focus({ preventScroll: true });
    window.scrollTo(0, 0);
    history.replaceState(null, "", this.#address(article.dataset.url));
    document.title = `${titleOf(article)} · Wingcheck`;
    if (event) measure(event.timeStamp, article);
  }

  async #advance(event) {
    let next;
    try {
      this.shell.setAttribute("aria-busy", "true");
      next = await this.ahead.take(this.#have());
    } catch (failure) {
      return this.#noNext(failure, event);
    } finally {
      this.shell.removeAttribute("aria-busy");
    }
    this.toasts.clear("next");
    if (next) return this.#swap(next, event);
    return this.#nothingLeft();
  }

  #noNext(failure, event) {
    const ways = failure.kind === "signed-out" ? [{ label: this.say("signIn"), href: this.#signIn() }] : [{ label: this.say("tryNow"), act: () => this.#advance(event) }];
    this.toasts.warn("next", this.say(failure.kind === "signed-out" ? "signedOut" : "nextAway"), ways);
  }

  /** The page that says so may only come when everything is told. */
  #nothingLeft() {
    this.finished = true;
    if (!this.outbox.waiting) window.location.assign(this.#address("/review/next"));
  }

  #submitted(event) {
    const form = event.target;
    if (event.submitter?.matches("[data-note]")) this.#note(event, form);
    else if (form.matches("[data-decide]")) this.#decide(event, form);
    else if (form.matches("[data-ask]")) this.#ask(event, form);
    else if (form.matches("[data-skip]")) this.#skip(event);
    else if (form.matches("[data-undo-form]")) this.#undo(event, { item: this.article.dataset.item, identification: Number(form.elements.identification.value) });
  }

  #decide(event, form) {
    event.preventDefault();
    if (!this.article.dataset.ready || this.article.dataset.answered) return undefined;
    if (this.article.hasAttribute("data-looking")) return this.toasts.say(this.say("placed"));
    const body = bodyOf(form, event.submitter, (performance.now() - this.since) / 1000);
    if (!body) return undefined;
    return this.#answered({ kind: "decide", body, said: saidOf(event.submitter, form, this.say) }, event);
  }

  #ask(event, form) {
    event.preventDefault();
    const chosen = form.querySelector("[name=template]:checked");
    const body = form.elements.body.value.trim() || chosen?.dataset.templateText || "";
    form.querySelector("[data-ask-error]").hidden = Boolean(body);
    if (!body) return form.elements.body.focus();
    if (this.article.dataset.answered) return undefined;
    const asked = { body, revision: form.elements.revision.value };
    return this.#answered({ kind: "ask", body: asked, said: this.say("asked") }, event);
  }

  /** A comment that decides nothing: the item stays. */
  #note(event, form) {
    event.preventDefault();
    const remark = form.elements.remark.value.trim();
    if (!remark) return form.elements.remark.focus();
    this.outbox.put({ kind: "comment", body: { remark }, item: this.article.dataset.item, title: titleOf(this.article), key: keyOf() });
    form.elements.remark.value = "";
    this.article.querySelector("[data-comment-dot]").hidden = !form.elements.message.value.trim();
    this.article.querySelector("#comment").hidePopover();
    return this.toasts.say(this.say("noted"));
  }

  /** Decided or asked: off it goes, and the next one comes. */
  #answered(entry, event) {
    const { article } = this;
    article.dataset.answered = "yes";
    const sent = { ...entry, key: keyOf(), item: article.dataset.item, title: titleOf(article) };
    this.trail.push({ ...sent, article });
    this.outbox.put(sent);
    this.toasts.say(entry.said);
    this.#refresh();
    this.#advance(event);
  }

  #skip(event) {
    event.preventDefault();
    if (!this.article.dataset.ready) return;
    this.service.post(`/review/${this.article.dataset.item}/skip`).catch(() => {}); // its lease ends by itself
    this.#advance(event);
  }

  /** The item as it stands now, unless it was left or somebody writes; whether its second opinion is still to come. */
  async #reload(item) {
    const [article] = await this.service.articles(this.#address(`/review/${item}/item`));
    const { dataset } = this.article;
    if (!article || dataset.item !== item || dataset.answered) return false;
    const waits = Boolean(article.dataset.waiting);
    const isNew = article.dataset.revision !== dataset.revision || (dataset.waiting && !waits);
    if (isNew && !document.querySelector(":popover-open")) this.#swap(article);
    this.article.toggleAttribute("data-looking", waits); // a decision now would be about what is about to change
    return waits;
  }

  #clicked(event) {
    if (event.target.closest("[data-undo]")) this.#undo(event, this.trail.pop());
    else if (event.target.closest("[data-back]")) this.#back(event);
    else if (event.target.closest("[data-next]")) {
      event.preventDefault();
      this.#advance(event);
    }
  }

  #undo(event, last) {
    event.preventDefault();
    if (!last) return;
    this.finished = false;
    this.#refresh();
    if (last.key && this.outbox.take(last.key)) {
      delete last.article.dataset.answered;
      this.#keepCurrent();
      this.#swap(last.article, event);
      this.toasts.say(this.say("undone"));
      return;
    }
    this.toasts.say(this.say("undoing"));
    this.outbox.put({ kind: "undo", of: last.key, identification: last.identification, item: last.item, key: `undo-${last.key ?? last.identification}`, title: last.title ?? "" });
  }

  async #back(event) {
    event.preventDefault();
    const item = this.trail.before(this.article.dataset.item);
    if (item) await this.#open(item, event);
  }

  async #open(item, event) {
    try {
      const [article] = await this.service.articles(this.#address(`/review/${item}/item`));
      if (!article) return;
      this.#keepCurrent();
      this.#swap(article, event);
    } catch (failure) {
      this.#noNext(failure, event);
    }
  }

  /** What was on the desk undecided comes next again. */
  #keepCurrent() {
    const { article } = this;
    if (article.dataset.answered || article.dataset.state !== "mine") return;
    this.ahead.putBack(article);
  }

  #send({ kind, item, body, identification }) {
    return this.service.post(`/review/${item}/${kind}`, body ?? { identification }, { keepalive: true }); // it arrives though the page is left
  }

  #done(entry, result) {
    this.trail.learn(entry.key, result.identification_id);
    if (entry.kind === "undo") {
      this.toasts.say(this.say("undone"));
      this.#open(entry.item);
    } else if (result.more) this.toasts.say(`${entry.said} ${result.more}`);
    this.#refresh();
  }

  #refused(entry, failure) {
    this.trail.forget(entry.key);
    const ways = entry.item ? [{ label: this.say("look"), act: () => this.#open(entry.item) }] : [];
    const text = this.say(failure.kind === "stale" ? "stale" : "refused", { title: entry.title, why: failure.detail });
    this.toasts.warn(entry.key, text, ways, this.say("close"));
    this.#refresh();
  }

  #tellState(state, waiting, failure) {
    if (state === "waiting") {
      const out = failure.kind === "signed-out";
      const ways = out ? [{ label: this.say("signIn"), href: this.#signIn() }] : [{ label: this.say("tryNow"), act: () => this.outbox.hurry() }];
      this.toasts.warn("outbox", this.say(out ? "signedOut" : "away", { count: waiting }), ways);
    } else if (state === "idle") {
      this.toasts.clear("outbox");
      if (this.finished && !waiting) this.#nothingLeft();
    }
  }

  #refresh() {
    const undo = document.querySelector("[data-undo]");
    undo.disabled = !this.trail.length;
    document.querySelector("[data-back]").disabled = !this.trail.before(this.article.dataset.item);
    const tally = document.querySelector("[data-tally]");
    const since = this.trail.length - this.before;
    tally.textContent = since > 0 ? this.say("tally", { count: since }) : "";
  }

  #taxa(source, text, signal) {
    return this.service.get(`${source}?${new URLSearchParams({ text })}`, signal).then((found) => found.taxa);
  }

  /** What this reviewer holds: the item on the desk, and those loaded ahead. */
  #held() {
    const { item, state, answered } = this.article.dataset;
    return [...(state === "mine" && !answered ? [item] : []), ...this.ahead.items];
  }

  #have() {
    return [this.article.dataset.item, ...this.trail.recent(REMEMBERED)];
  }

  #address(path, more = {}) {
    const parameters = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(more)) parameters.set(name, value);
    const text = parameters.toString();
    return text ? `${path}?${text}` : path;
  }

  #signIn() {
    return `/sign-in?next=${encodeURIComponent(window.location.pathname + window.location.search)}`;
  }
}

const titleOf = (article) => article.querySelector("#item-title").textContent;
const keyOf = () => crypto.randomUUID?.() ?? String(Math.random()); // without TLS there is no randomUUID

const shell = document.querySelector("[data-desk]");
if (shell) {
  document.documentElement.classList.add("js");
  globalThis.wingcheckDesk = new Desk(shell);
}
