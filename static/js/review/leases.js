/** What is on the desk stays this reviewer's while the page is looked at, and is let go when it is left. */
export function keepLeases(service, held, seconds) {
  setInterval(() => {
    if (document.hidden) return;
    for (const item of held()) service.post(`/review/${item}/renew`).catch(() => {}); // a lost lease is told when deciding
  }, seconds * 1000);
  window.addEventListener("pagehide", () => {
    for (const item of held()) service.post(`/review/${item}/release`, {}, { keepalive: true }).catch(() => {}); // it ends by itself
  });
}
