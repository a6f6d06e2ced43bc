/** What just happened, in a corner: it goes by itself unless it matters. */
const SHOWN_MS = 6000;

export class Toasts {
  /** @param {HTMLElement} calm  a polite live region @param {HTMLElement} urgent  one for what went wrong */
  constructor(calm, urgent) {
    this.calm = calm;
    this.urgent = urgent;
  }

  /** Replaces what was said before, as each decision follows the last. */
  say(text) {
    clearTimeout(this.timer);
    this.calm.replaceChildren(this.#line(text));
    this.timer = setTimeout(() => this.calm.replaceChildren(), SHOWN_MS);
  }

  /** Stays until it is closed. @param {{label: string, href?: string, act?: Function}[]} ways  what can be done about it */
  warn(name, text, ways, closeLabel) {
    this.urgent.querySelector(`[data-warning="${CSS.escape(name)}"]`)?.remove();
    const line = this.#line(text);
    line.dataset.warning = name;
    line.classList.add("toast--warning");
    const buttons = document.createElement("span");
    buttons.className = "toast__ways";
    for (const way of ways) buttons.append(this.#way(way, line));
    if (closeLabel) buttons.append(this.#way({ label: closeLabel, act: () => {} }, line));
    line.append(buttons);
    this.urgent.append(line);
  }

  clear(name) {
    this.urgent.querySelector(`[data-warning="${CSS.escape(name)}"]`)?.remove();
  }

  #line(text) {
    const line = document.createElement("div");
    line.className = "toast";
    const words = document.createElement("p");
    words.textContent = text;
    line.append(words);
    return line;
  }

  #way({ label, href, act }, line) {
    const way = document.createElement(href ? "a" : "button");
    way.className = "button button--small";
    way.textContent = label;
    if (href) way.href = href;
    else {
      way.type = "button";
      way.addEventListener("click", () => {
        line.remove();
        act();
      });
    }
    return way;
  }
}
