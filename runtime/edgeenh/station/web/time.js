// How long ago something was. The browser's monotonic clock stands still while the computer sleeps, the wall clock does not;
// so the larger of both counts. A wall clock that is set makes a picture look older than it is, never younger.

export function moment() {
  return { monotonic: performance.now(), wall: Date.now() };
}

/** Milliseconds since a moment, at least. */
export function since(then) {
  return Math.max(performance.now() - then.monotonic, Date.now() - then.wall);
}
