/**
 * Decisions on their way to the service: one after the other, each sent until it is answered, none lost. What was not
 * sent yet is kept in this browser, so it outlives a reload, a lost connection and a signed-out session.
 *
 * Each tab has a box of its own, and holds a lock on it as long as its page lives: what another tab left behind when it was
 * closed is sent by one that is open, or by the next. Without TLS browsers have no locks. There a new page takes over every
 * box, and what another tab has in hand may be sent twice, which the service notices.
 */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 20000;

export class Outbox {
  /** @param {string} name  whose entries: another reviewer on this computer has another box
   *  @param {(entry: object) => Promise<object>} send  rejects with {kind: "away" | "signed-out" | "stale" | "refused", ...}
   *  @param {{onState: Function, onDone: Function, onRefused: Function}} tell */
  constructor(name, send, tell) {
    this.prefix = `wingcheck-outbox-${name}`;
    this.key = `${this.prefix}:${crypto.randomUUID?.() ?? Math.random()}`;
    this.send = send;
    this.tell = tell;
    this.entries = [];
    this.state = "idle";
    this.wait = FIRST_WAIT;
    window.addEventListener("online", () => this.hurry());
    window.addEventListener("beforeunload", (event) => {
      if (this.state === "waiting") event.preventDefault();
    });
    navigator.locks?.request(this.key, () => new Promise(() => {})); // held until the page goes
    for (const key of boxes(this.prefix)) this.#adoptWhenFree(key);
  }

  get waiting() {
    return this.entries.length;
  }

  #adoptWhenFree(key) {
    if (navigator.locks) navigator.locks.request(key, () => this.#adopt(key));
    else this.#adopt(key);
  }

  /** Take over what a page left behind that is gone. */
  #adopt(key) {
    const left = read(key);
    if (!left.length) return;
    this.entries.push(...left);
    this.#keep();
    localStorage.removeItem(key);
    this.#run();
  }

  /** @param {object} entry  needs a fresh `key` */
  put(entry) {
    this.entries.push({ ...entry, tries: 0 });
    this.#keep();
    this.#run();
  }

  /** Take back what is not on its way yet; false where it is too late for that. */
  take(key) {
    const at = this.entries.findIndex((entry) => entry.key === key);
    if (at < 0 || this.entries[at].tries > 0) return false;
    this.entries.splice(at, 1);
    this.#keep();
    return true;
  }

  /** Try at once: the connection is back, or somebody pressed "try now". */
  hurry() {
    this.wait = FIRST_WAIT;
    clearTimeout(this.timer);
    if (this.state === "waiting") this.#become("idle");
    this.#run();
  }

  async #run() {
    if (this.state !== "idle" || !this.entries.length) return;
    this.#become("sending");
    while (this.entries.length) {
      const entry = this.entries[0];
      entry.tries += 1;
      this.#keep();
      try {
        const result = await this.send(entry);
        this.#finish(entry, result);
        this.tell.onDone(entry, result);
      } catch (failure) {
        if (failure.kind === "away" || failure.kind === "signed-out") return this.#pause(failure);
        if (!failure.kind) throw failure;
        this.#finish(entry, null);
        this.tell.onRefused(entry, failure);
      }
      this.wait = FIRST_WAIT;
    }
    this.#become("idle");
  }

  /** What waits for this one (its undo) learns what it has become. */
  #finish(entry, result) {
    this.entries.shift();
    this.entries = this.entries.filter((other) => other.of !== entry.key || result);
    for (const other of this.entries) if (other.of === entry.key) other.identification = result.identification_id;
    this.#keep();
  }

  #pause(failure) {
    this.#become("waiting", failure);
    if (failure.kind === "signed-out") return;
    this.timer = setTimeout(() => this.hurryAfterPause(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  hurryAfterPause() {
    this.#become("idle");
    this.#run();
  }

  #become(state, failure = null) {
    this.state = state;
    this.tell.onState(state, this.entries.length, failure);
  }

  #keep() {
    try {
      if (this.entries.length) localStorage.setItem(this.key, JSON.stringify(this.entries));
      else localStorage.removeItem(this.key);
    } catch {
      return; // storage is switched off: entries live as long as this page
    }
  }
}

/** The boxes of all pages; one without a number is that of an earlier version. */
function boxes(prefix) {
  try {
    return Object.keys(localStorage).filter((key) => key === prefix || key.startsWith(`${prefix}:`));
  } catch {
    return [];
  }
}

function read(key) {
  try {
    const found = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}
