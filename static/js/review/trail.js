/** What this reviewer did since the page was opened: for "undo" and "back". */
export class Trail {
  constructor() {
    this.done = [];
    this.seen = [];
  }

  get length() {
    return this.done.length;
  }

  push(entry) {
    this.done.push(entry);
  }

  pop() {
    return this.done.pop();
  }

  /** The service's number of a decision came back. */
  learn(key, identification) {
    const entry = this.done.find((one) => one.key === key);
    if (entry) entry.identification = identification;
  }

  forget(key) {
    this.done = this.done.filter((one) => one.key !== key);
  }

  see(item) {
    if (!this.seen.includes(item)) this.seen.push(item);
  }

  /** The item that was on the desk before this one. */
  before(item) {
    const at = this.seen.indexOf(item);
    return at > 0 ? this.seen[at - 1] : undefined;
  }

  recent(many) {
    return this.seen.slice(-many);
  }
}
