/** Keeps what was typed through a reload of the page in this tab. Photos are not kept: browsers do not allow it. */
const KEY = "wingcheck-draft";
const LEFT_OUT = ["hidden", "file", "email", "submit", "button", "fieldset"];

export function save(form) {
  const kept = {};
  for (const { name, type } of form.elements) {
    if (name && !LEFT_OUT.includes(type)) kept[name] = form.elements[name].value;
  }
  if (form.elements.event_date_source.value === "exif") delete kept.event_date;
  if (form.elements.coordinate_source.value === "exif") {
    delete kept.latitude;
    delete kept.longitude;
  } else kept.coordinate_source = form.elements.coordinate_source.value;
  attempt(() => sessionStorage.setItem(KEY, JSON.stringify(kept)));
}

export function restore(form) {
  const kept = attempt(() => JSON.parse(sessionStorage.getItem(KEY))) ?? {};
  for (const [name, value] of Object.entries(kept)) {
    if (value && form.elements[name]) form.elements[name].value = value;
  }
}

export function forget() {
  attempt(() => sessionStorage.removeItem(KEY));
}

/** Storage may be switched off; then nothing is kept and nothing breaks. */
function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}
