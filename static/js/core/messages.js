/** Messages of scripts: translated sentences from the page, with {names} to fill in. */
export function speaker(element) {
  const sentences = JSON.parse(element.dataset.messages);
  return (key, values = {}) =>
    sentences[key].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
