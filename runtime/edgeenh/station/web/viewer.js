// The picture: original left of the divider, enhanced right of it; zoom, drag, freeze; and the truth about it.

import { moment, since } from "./time.js";

const NEVER = { monotonic: -Infinity, wall: -Infinity };
const LEAST_DEAD_MS = 1000;
const DEAD_PERIODS = 5;
const LATE_MS = 1000; // a picture that is older than this and the camera's own period is not of now, whatever its stream says

export class Viewer {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.divider = root.querySelector("#divider");
    this.badge = root.querySelector("#badge");
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.split = 0.5;
    this.zoom = 1;
    this.centre = [0.5, 0.5];
    this.frozen = false;
    this.shown = null;
    this.shownAt = NEVER;
    this.period = null;
    this.onState = () => {};
    this.onZoom = () => {};
    this.onFreeze = () => {};
    this.#listen();
    setInterval(() => this.check(), 200);
    // Also before each painting: the first picture that a browser paints after it slept must not be that of before.
    const paint = () => {
      this.check();
      requestAnimationFrame(paint);
    };
    requestAnimationFrame(paint);
    for (const woken of ["visibilitychange", "resume", "pageshow"]) document.addEventListener(woken, () => this.check());
    // Before the browser puts the page to sleep the picture goes: what is on the screen at waking is what was there last.
    document.addEventListener("freeze", () => this.none({ state: "ended", why: "the browser slept" }));
    new ResizeObserver(() => this.draw()).observe(root);
  }

  /** Show a frame, badge and pixels in one step. While frozen it is only noted that the stream goes on. */
  show(frame) {
    const step = since(this.shownAt);
    if (Number.isFinite(step)) this.period = this.period === null ? step : this.period + (step - this.period) / 8;
    this.shownAt = moment();
    this.why = "";
    if (this.frozen) {
      frame.before.close();
      frame.after.close();
      return;
    }
    this.shown?.before.close();
    this.shown?.after.close();
    this.shown = frame;
    this.draw();
    this.check();
  }

  /** No frame came; the picture goes when it is too old to be called live. */
  none(how) {
    this.why = how.why ?? "";
    this.check(["unreachable", "refused", "locked", "lost", "ended"].includes(how.state));
  }

  get dead() {
    return since(this.shownAt) > Math.max(LEAST_DEAD_MS, DEAD_PERIODS * Math.min(this.period ?? 0, 2000));
  }

  /** Say what is there: live, frozen by hand, or dead. */
  check(certainly = false) {
    if (certainly && !this.frozen) this.shownAt = NEVER;
    const state = this.frozen && this.shown ? "frozen" : this.dead || !this.shown ? "dead" : "live";
    const head = this.shown?.head;
    if (this.root.dataset.state !== state) {
      this.root.dataset.state = state;
      this.onState(state);
    }
    this.root.dataset.status = state === "dead" ? "" : (head?.status ?? "");
    const said = head ? head.status + (head.reason ? ` · ${head.reason.replaceAll("_", " ")}` : "") : "NO PICTURE";
    const old = this.shown ? this.shown.age + since(this.shownAt) : 0;
    const late = state === "live" && old > LATE_MS + (head.period_ms ?? 0);
    const text = state === "frozen" ? `FROZEN, not live · ${said}` : late ? `LATE ${Math.ceil(old / 1000)} s · ${said}` : said;
    if (this.badge.textContent !== text) this.badge.textContent = text;
    this.badge.className = state === "frozen" ? "frozen" : late ? "late" : (head?.status ?? "none").toLowerCase();
    this.badge.title = head?.detail ?? "";
    if (state === "dead") {
      const why = this.why || "no frame comes any more";
      const label = this.root.querySelector("#dead-why");
      if (label.textContent !== why) label.textContent = why;
    }
    this.root.querySelector("#right-side").textContent = head?.status === "ENHANCED" ? "enhanced" : "original";
  }

  /** Forget everything: another stream. */
  clear() {
    this.shown = null;
    this.shownAt = NEVER;
    this.period = null;
    this.freeze(false);
    this.check();
  }

  freeze(on = !this.frozen) {
    this.frozen = on && this.shown !== null;
    this.onFreeze(this.frozen);
    this.check();
  }

  setSplit(share) {
    this.split = Math.min(1, Math.max(0, share));
    this.divider.style.left = `${this.split * 100}%`;
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.split * 100)));
    this.draw();
  }

  setZoom(zoom, x = 0.5, y = 0.5) {
    const [left, top, scale] = this.#place();
    const { width, height } = this.canvas;
    const at = scale ? [(x * width - left) / scale, (y * height - top) / scale] : null;
    this.zoom = Math.min(16, Math.max(1, zoom));
    if (this.zoom === 1) this.centre = [0.5, 0.5];
    else if (at && this.shown) {
      const [newLeft, newTop, newScale] = this.#place();
      const { width: w, height: h } = this.shown.after;
      this.centre[0] += (newLeft + at[0] * newScale - x * width) / (newScale * w);
      this.centre[1] += (newTop + at[1] * newScale - y * height) / (newScale * h);
    }
    this.#keepInside();
    this.onZoom(this.zoom);
    this.draw();
  }

  /** Look further to the right and down by shares of what is seen. */
  pan(right, down) {
    this.centre = [this.centre[0] + right / this.zoom, this.centre[1] + down / this.zoom];
    this.#keepInside();
    this.draw();
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(this.root.clientWidth * ratio);
    const height = Math.round(this.root.clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, width, height);
    if (!this.shown) return;
    const [left, top, scale] = this.#place();
    const { before, after } = this.shown;
    const at = Math.round(this.split * width);
    this.context.imageSmoothingEnabled = scale < 2;
    for (const [picture, from, to] of [[before, 0, at], [after, at, width]]) {
      if (to <= from) continue;
      this.context.save();
      this.context.beginPath();
      this.context.rect(from, 0, to - from, height);
      this.context.clip();
      this.context.drawImage(picture, left, top, picture.width * scale, picture.height * scale);
      this.context.restore();
    }
  }

  /** Where the picture is on the canvas: left, top, canvas pixels per pixel. */
  #place() {
    if (!this.shown) return [0, 0, 0];
    const { width, height } = this.canvas;
    const { width: w, height: h } = this.shown.after;
    const scale = Math.min(width / w, height / h) * this.zoom;
    return [width / 2 - this.centre[0] * w * scale, height / 2 - this.centre[1] * h * scale, scale];
  }

  #keepInside() {
    const half = 0.5 / this.zoom;
    this.centre = this.centre.map((value) => Math.min(1 - half, Math.max(half, value)));
  }

  #listen() {
    const place = (event) => {
      const box = this.root.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    const drag = (element, move) => {
      element.addEventListener("pointerdown", (event) => {
        element.setPointerCapture(event.pointerId);
        let last = place(event);
        const moved = (next) => {
          const now = place(next);
          move(now, last);
          last = now;
        };
        element.addEventListener("pointermove", moved);
        const end = () => element.removeEventListener("pointermove", moved);
        element.addEventListener("pointerup", end, { once: true });
        element.addEventListener("pointercancel", end, { once: true });
      });
    };
    drag(this.divider, ([x]) => this.setSplit(x));
    drag(this.canvas, ([x, y], [fromX, fromY]) => {
      const [, , scale] = this.#place();
      if (!scale) return;
      this.centre[0] -= ((x - fromX) * this.canvas.width) / (scale * this.shown.after.width);
      this.centre[1] -= ((y - fromY) * this.canvas.height) / (scale * this.shown.after.height);
      this.#keepInside();
      this.draw();
    });
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.setZoom(this.zoom * (event.deltaY < 0 ? 1.25 : 0.8), ...place(event));
    }, { passive: false });
    this.divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1 }[event.key];
      const end = { Home: 0, End: 1 }[event.key];
      if (step === undefined && end === undefined) return;
      event.preventDefault();
      this.setSplit(end ?? this.split + step);
    });
  }
}
