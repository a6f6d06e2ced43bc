/**
 * Asks the service where the butterflies of a photo are, while somebody fills in the form. Nothing is kept there. It is
 * a help and no more: whatever goes wrong, there is no suggestion, and the service searches when the photo is sent.
 */
const LONG_SIDE = 1024; // pixels; far more than the search looks at, and little to send from a meadow
const QUALITY = 0.85;
const PATIENCE_MS = 10_000; // later than this the form is filled in

export class Search {
  #address;
  #last = Promise.resolve();
  #stopped = new AbortController();

  /** @param {string} address  of the service's search */
  constructor(address) {
    this.#address = address;
  }

  /** Look at a photo that the page shows; one after the other, so that a phone's connection is left for sending.
   *  Resolves to the squares, the surest first, as fractions of the photo; to null where nobody could search. */
  squaresOf(image) {
    const answer = this.#last.then(() => this.#ask(image));
    this.#last = answer;
    return answer;
  }

  /** The photos are on their way: what was not looked at yet is not asked about any more. */
  stop() {
    this.#stopped.abort();
  }

  async #ask(image) {
    if (this.#stopped.signal.aborted || !image.isConnected) return null;
    const photo = await smallCopy(image);
    if (!photo) return null;
    const body = new FormData();
    body.append("file", photo, "photo.jpg");
    try {
      const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(PATIENCE_MS)]);
      const response = await fetch(this.#address, { method: "POST", headers: { Accept: "application/json" }, body, signal });
      if (!response.ok) return null; // busy, too many requests, or a photo that the service can't open
      const { searched, squares } = await response.json();
      return searched ? squares : null;
    } catch (failure) {
      if (isExpected(failure)) return null;
      throw failure;
    }
  }
}

/** No connection, too late, stopped, an old browser, or an answer that is none: a proxy's page, say. */
const isExpected = (failure) =>
  failure instanceof TypeError || failure instanceof SyntaxError || ["AbortError", "TimeoutError"].includes(failure.name);

/** The photo as a JPEG of at most LONG_SIDE pixels; null where the browser has no memory for it. */
function smallCopy(image) {
  const scale = Math.min(1, LONG_SIDE / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const context = canvas.getContext("2d");
  if (!context) return Promise.resolve(null);
  context.fillStyle = "#fff"; // under what is transparent, as the service does
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => {
    canvas.toBlob(resolve, "image/jpeg", QUALITY);
  });
}
