/** The list of keys, read from the controls that carry them, so it can't be out of date. */
const NAMES = { Escape: "Esc", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Enter: "↵" };

export function enhanceHelp(sheet, keys, scope) {
  const list = sheet.querySelector("[data-key-list]");
  const box = sheet.querySelector("[data-keys-on]");
  box.closest("[hidden]")?.removeAttribute("hidden");
  box.checked = keys.on;
  box.addEventListener("change", () => {
    keys.on = box.checked;
    document.documentElement.classList.toggle("keys-off", !keys.on);
  });
  document.documentElement.classList.toggle("keys-off", !keys.on);
  sheet.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") list.replaceChildren(...rows(scope()));
  });
}

/** What decides comes first, then what looks at the photo, then the rest; one line for each meaning. */
function rows(scope) {
  const controls = [...scope.querySelectorAll("[data-key][data-help]")].filter((control) => !control.closest("[hidden]"));
  const rank = (control) => (control.closest("[data-actions]") ? 0 : control.closest(".stage") ? 1 : 2);
  const meanings = new Map();
  for (const control of controls.sort((a, b) => rank(a) - rank(b))) {
    const { key, help } = control.dataset;
    meanings.set(help, [...(meanings.get(help) ?? []), ...key.split(" ")]);
  }
  return [...meanings].map(([meaning, names]) => row(meaning, names));
}

function row(meaning, names) {
  const line = document.createElement("div");
  const term = document.createElement("dt");
  term.append(...names.flatMap((name, index) => (index ? [" ", cap(name)] : [cap(name)])));
  const words = document.createElement("dd");
  words.textContent = meaning;
  line.append(term, words);
  return line;
}

function cap(name) {
  const key = document.createElement("kbd");
  const parts = name === "+" ? ["+"] : name.split("+");
  key.textContent = parts.map((part) => NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part[0].toUpperCase() + part.slice(1))).join(" ");
  return key;
}
