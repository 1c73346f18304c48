// Requests to the station. The token lives in this tab alone.

const KEY = "edgeenh.token";

export function token() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function setToken(text) {
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

export function headers(more = {}) {
  return token() ? { ...more, Authorization: `Bearer ${token()}` } : more;
}

/** A JSON answer; an error is thrown with the station's own line, and its status. */
export async function json(path, options = {}) {
  const answer = await fetch(path, {
    cache: "no-store",
    signal: AbortSignal.timeout(options.timeout ?? 5000),
    ...options,
    headers: headers(options.headers),
  });
  const text = await answer.text();
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    body = { error: text.slice(0, 200) };
  }
  if (!answer.ok) throw Object.assign(new Error(body.error ?? answer.statusText), { status: answer.status });
  return body;
}

export function post(path, value) {
  return json(path, {
    method: "POST",
    timeout: 180_000,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  });
}

/** Server-sent events through fetch, which unlike EventSource can send the token. Calls `take(id, event)`; ends never. */
export async function listen(take) {
  let last = 0;
  for (;;) {
    try {
      const answer = await fetch(`/v1/events?after=${last}`, { cache: "no-store", headers: headers() });
      if (!answer.ok) throw new Error(String(answer.status));
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const id = /^id: (\d+)$/m.exec(block);
          const data = /^data: (.*)$/m.exec(block);
          if (!id || !data) continue;
          last = Number(id[1]);
          take(last, JSON.parse(data[1]));
        }
      }
    } catch {
      // The next try tells whether the station is back.
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
    // A station that was started anew counts from 1 again.
    try {
      const info = await json("/v1/info");
      if (listen.started !== undefined && listen.started !== info.started) last = 0;
      listen.started = info.started;
    } catch {
      /* not back yet */
    }
  }
}
