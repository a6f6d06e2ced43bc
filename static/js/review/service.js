/** Questions to the service. Failures say what to do: try again ("away"), sign in ("signed-out"), look ("stale"), or give up ("refused"). */
const PATIENCE_MS = 15000;

export class Failure extends Error {
  constructor(kind, detail = "", problem = {}) {
    super(detail || kind);
    Object.assign(this, { kind, detail, problem });
  }
}

export class Service {
  /** @param {string} token  against forged requests; it goes along with whatever changes something */
  constructor(token) {
    this.token = token;
  }

  async get(path, signal) {
    const answer = await ask(path, { headers: { Accept: "application/json" }, signal });
    return answer.json();
  }

  /** The same fields as the page's form. With `keepalive` it is sent even when the page goes away. */
  async post(path, fields = {}, { keepalive = false } = {}) {
    const headers = { Accept: "application/json", "X-CSRF-Token": this.token };
    const answer = await ask(path, { method: "POST", headers, body: new URLSearchParams(fields), keepalive });
    return answer.status === 204 ? {} : answer.json();
  }

  /** Articles out of a piece of a page. */
  async articles(path) {
    const answer = await ask(path, { headers: { Accept: "text/html", "X-Fragment": "1" } });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") throw new Failure("signed-out");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return [...page.querySelectorAll("article.desk")].map((article) => document.importNode(article, true));
  }
}

async function ask(path, options) {
  let answer;
  const limit = AbortSignal.timeout(PATIENCE_MS);
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options, signal: options.signal ? AbortSignal.any([options.signal, limit]) : limit });
  } catch (failure) {
    if (options.signal?.aborted) throw failure;
    throw new Failure("away");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({})); // a page in place of a problem tells nothing more
  if (answer.status === 401) throw new Failure("signed-out");
  if (answer.status === 403) throw new Failure("signed-out", problem.detail, problem);
  if (answer.status === 409) throw new Failure("stale", problem.detail, problem);
  if (answer.status === 408 || answer.status === 429 || answer.status >= 500) throw new Failure("away", problem.detail, problem);
  throw new Failure("refused", problem.detail, problem);
}
