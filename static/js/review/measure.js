/** From the key to the next photo painted: `performance.getEntriesByName("key-to-photo")` has every one. */
export function measure(start, article) {
  requestAnimationFrame(() => setTimeout(() => performance.measure("key-to-photo", { start, end: performance.now(), detail: article.dataset.item })));
}
