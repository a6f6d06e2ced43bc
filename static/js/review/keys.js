/**
 * Keys press the buttons that carry them: what a key does is always a control on the page with that key in
 * `data-key`, so whoever uses a mouse, a finger or a screen reader has the same. Several keys are parted by spaces.
 */
const TYPING = "input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]";
const SWITCH = "wingcheck-keys";

/** "a", "?", "ctrl+z", "shift+r", "shift+ArrowLeft": as `data-key` names them. Shift that only makes another sign does not count. */
export function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && (key.length > 1 || key !== event.key);
  return [event.ctrlKey || event.metaKey ? "ctrl" : "", shift ? "shift" : "", key].filter(Boolean).join("+");
}

export class Keys {
  /** @param {() => HTMLElement} scope  where controls are looked for: an open dialogue, or the page */
  constructor(scope) {
    this.scope = scope;
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  get on() {
    return read() !== "off";
  }

  /** Single keys can be switched off: speech input and a cat on the keyboard type letters too. */
  set on(value) {
    write(value ? "on" : "off");
  }

  #pressed(event) {
    if (event.defaultPrevented || event.altKey || event.isComposing) return;
    const name = nameOf(event);
    const plain = !name.startsWith("ctrl+") && event.key !== "Escape";
    if (plain && (!this.on || event.target.closest(TYPING))) return;
    if (name.startsWith("ctrl+") && event.target.closest(TYPING) && event.key !== "Enter") return;
    if ((event.key === "Enter" || event.key === " ") && plain) return;
    const control = this.#find(name);
    if (!control) return;
    event.preventDefault();
    if (event.repeat && !control.hasAttribute("data-repeats")) return;
    press(control);
  }

  #find(name) {
    const found = [...this.scope().querySelectorAll("[data-key]")];
    return found.find((one) => one.dataset.key.split(" ").includes(name) && usable(one));
  }
}

const usable = (control) => !control.disabled && !control.closest("[hidden], [inert]");

function press(control) {
  if (control.matches("textarea, input[type=text], input[type=search]")) control.focus();
  else control.click();
}

function read() {
  try {
    return localStorage.getItem(SWITCH);
  } catch {
    return null;
  }
}

function write(value) {
  try {
    localStorage.setItem(SWITCH, value);
  } catch {
    return; // storage is switched off: the keys stay on
  }
}
