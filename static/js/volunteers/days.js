/** The day that it is where this browser is, as 2026-07-19. Asked whenever it is needed: a page may stay open overnight. */
export function localToday() {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
}
