// Asks for one frame after another. Each answer carries its own status, so what is shown and what is said cannot part.

import { headers } from "./api.js";
import { moment, since } from "./time.js";

/** Take an answer of /v1/frame apart: `EEF1`, uint32 length, JSON head, two JPEG files. */
export function unpack(buffer) {
  const view = new DataView(buffer);
  if (view.getUint32(0) !== 0x45454631) throw new Error("this is no frame of edgeenh");
  const length = view.getUint32(4);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const start = 8 + length;
  return {
    head,
    before: new Blob([new Uint8Array(buffer, start, head.before_bytes)], { type: "image/jpeg" }),
    after: new Blob([new Uint8Array(buffer, start + head.before_bytes, head.after_bytes)], { type: "image/jpeg" }),
  };
}

/**
 * Frames of one stream until `signal` aborts: `{head, before, after, age}` with decoded pictures, or `{none: {state, why}}`.
 * `age` is an upper bound in milliseconds at the moment of showing: the station's figure, and the way here.
 */
export async function* frames(stream, signal) {
  let after = 0;
  while (!signal.aborted) {
    const asked = moment();
    let answer;
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(4000)]);
      answer = await fetch(`/v1/frame?stream=${encodeURIComponent(stream)}&after=${after}`, {
        cache: "no-store", signal: limit, headers: headers(),
      });
      if (answer.status === 204) {
        yield { none: JSON.parse(answer.headers.get("X-Edgeenh-Stream") ?? "{}") };
        continue;
      }
      if (!answer.ok) {
        const body = await answer.json().catch(() => ({}));
        throw Object.assign(new Error(body.error ?? answer.statusText), { status: answer.status });
      }
      const { head, before, after: enhanced } = unpack(await answer.arrayBuffer());
      after = head.number;
      const [left, right] = await Promise.all([createImageBitmap(before), createImageBitmap(enhanced)]);
      const way = since(asked) - head.waited_ms;
      yield { head, before: left, after: right, age: head.age_ms + Math.max(0, way) };
    } catch (error) {
      if (signal.aborted) return;
      after = 0; // the station may have been started anew, and count from 1
      const state = error.status === 401 ? "locked" : error.status ? "refused" : "unreachable";
      yield { none: { state, why: error.status ? error.message : "the station does not answer" } };
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
