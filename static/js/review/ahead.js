/** The next submissions, fetched and their photos decoded before anybody asks for them. */
const KEPT = 3;

export class Ahead {
  /** @param {(many: number, have: string[]) => Promise<HTMLElement[]>} fetchSome  articles in their order; none: there are no more */
  constructor(fetchSome) {
    this.fetchSome = fetchSome;
    this.ready = [];
    this.filling = null;
  }

  /** The next article, at once where it is here already; null when nothing is left. Rejects as `fetchSome` does. */
  async take(have) {
    if (!this.ready.length) await this.fill(have);
    const next = this.ready.shift() ?? null;
    if (next) this.fill([...have, next.dataset.item]).catch(() => {}); // told when it is needed: take() tries again
    return next;
  }

  /** @param {string[]} have  what is on the desk or was just seen, so that it is not sent again */
  fill(have) {
    this.filling ??= this.#more(have).finally(() => {
      this.filling = null;
    });
    return this.filling;
  }

  get items() {
    return this.ready.map((article) => article.dataset.item);
  }

  /** Put an article back in front: the reviewer went back from it. */
  putBack(article) {
    this.ready.unshift(article);
  }

  async #more(have) {
    const wanted = KEPT - this.ready.length;
    if (wanted <= 0) return;
    const articles = await this.fetchSome(wanted, [...new Set([...have, ...this.items])]);
    for (const article of articles) {
      if (this.items.includes(article.dataset.item)) continue;
      this.ready.push(article);
      decoded(article);
    }
    if (this.ready[0]) await decoded(this.ready[0]);
  }
}

/** The photo is fetched and decoded while nobody looks, so that showing it takes no time. */
function decoded(article) {
  const picture = article.querySelector("[data-photo]");
  article.decoding ??= picture ? picture.decode().catch(() => {}) : Promise.resolve(); // a broken photo shows itself as broken
  return article.decoding;
}
