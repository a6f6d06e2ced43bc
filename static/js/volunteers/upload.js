/**
 * Sends the form and says how far it is. Never throws: resolves to one of
 * {kind: "created", url}, {kind: "invalid", errors}, {kind: "busy", seconds},
 * {kind: "offline" | "failed" | "stopped"}. ``seconds`` is the pause the service asks for; 0 where trying again soon is no use.
 */
export function upload(address, data, { onProgress, signal }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(Math.round((100 * event.loaded) / event.total));
    });
    request.addEventListener("load", () => resolve(answer(request)));
    request.addEventListener("error", () => resolve({ kind: "offline" }));
    request.addEventListener("timeout", () => resolve({ kind: "offline" }));
    request.addEventListener("abort", () => resolve({ kind: "stopped" }));
    signal.addEventListener("abort", () => request.abort());
    request.send(data);
  });
}

function answer(request) {
  const body = parse(request.responseText);
  if (request.status >= 200 && request.status < 300 && body?.url) return { kind: "created", url: body.url };
  if (Array.isArray(body?.errors) && body.errors.length) return { kind: "invalid", errors: body.errors };
  if (request.status === 503) return { kind: "busy", seconds: Number(request.getResponseHeader("Retry-After")) || 1 };
  if (request.status === 429) return { kind: "busy", seconds: 0 };
  if (request.status >= 400 && request.status < 500 && body?.detail) {
    return { kind: "invalid", errors: [{ field: "", message: body.detail }] };
  }
  return { kind: "failed" };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
