// The page: joins the parts.

import { json, listen, post, setToken, token } from "./api.js";
import { frames } from "./frames.js";
import { addEvent, showInfo, showState, showUnknown } from "./panel.js";
import { moment, since } from "./time.js";
import { Viewer } from "./viewer.js";

const byId = (id) => document.getElementById(id);
const viewer = new Viewer(byId("viewer"));
let chart = null;
let info = null;
let current = "";
let watching = new AbortController();
let steering = false;

function connected(good, text) {
  byId("connection").textContent = text;
  byId("connection").className = good ? "good" : "bad";
}

async function watch(stream) {
  watching.abort();
  watching = new AbortController();
  current = stream;
  viewer.clear();
  chart?.clear();
  for await (const frame of frames(stream, watching.signal)) {
    if (frame.none) {
      viewer.none(frame.none);
      if (frame.none.state === "unreachable") connected(false, "no connection");
      if (frame.none.state === "locked" || frame.none.state === "refused") connected(false, frame.none.state);
      continue;
    }
    viewer.show(frame);
    connected(true, "connected");
    chart?.add(frame.head.latency_ms, frame.age);
    const { head } = frame;
    // Of the picture that is shown: while it is frozen, what stands there goes on to be of the frozen one.
    if (!viewer.frozen) byId("frame-facts").textContent = `${head.width}×${head.height} · frame ${head.sequence} · ${Math.round(frame.age)} ms old when shown${head.backend ? ` · ${head.backend}` : ""}`;
    // The pixels are on the canvas after the next frame of the screen; only then is another one asked for.
    if (document.hidden) continue;
    const drawn = moment();
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const detail = { age_ms: frame.age + since(drawn), ready_ms: head.ready_ms };
    byId("viewer").dispatchEvent(new CustomEvent("painted", { detail })); // for whoever measures
  }
}

/** Show the model in use beside the label; the list is for another one, and has none chosen until somebody does. */
function showModel() {
  choices(byId("bundle"), info.bundles.length ? ["", ...info.bundles] : [], "");
  byId("model-value").textContent = `${info.model.id} ${info.model.version}`;
}

/** The token that a request was sent with is not the station's: forget it, unless another one was given meanwhile. */
function refuse(sent) {
  if (sent === "" || sent !== token()) return;
  setToken("");
  note("the token is wrong: unlock again");
}

function enable() {
  const may = info !== null && info.can_change && info.token_accepted && token() !== "" && !steering;
  byId("strength").disabled = !may;
  byId("bundle").disabled = !may || !info.bundles.length;
  byId("swap").disabled = byId("bundle").disabled || byId("bundle").value === "";
}

function choices(select, names, chosen) {
  if ([...select.options].map((option) => option.value).join("\n") === names.join("\n")) return;
  select.replaceChildren(...names.map((name) => new Option(name || "choose another", name, false, name === chosen)));
}

async function look() {
  const sent = token();
  try {
    info = await json("/v1/info");
    const names = info.streams.map((stream) => stream.name);
    choices(byId("stream"), names, current);
    showModel();
    showInfo(info);
    if (!info.token_accepted) refuse(sent);
    enable();
    byId("login").hidden = !info.can_change && token() === "";
    byId("login").textContent = token() ? "Lock" : "Unlock";
    if (!steering && document.activeElement !== byId("strength")) setStrength(info.strength);
    if (!info.can_change && !byId("change-note").textContent) note("nothing can be changed here");
    if (!names.includes(current)) {
      if (names.length) watch(names[0]);
      else viewer.none({ state: "ended", why: "this station has no stream: it is a service alone" });
    }
    if (current) showState(await json(`/v1/state?stream=${encodeURIComponent(current)}`));
    if (!names.length) connected(true, "connected");
  } catch (error) {
    if (error.status === 401) {
      connected(false, "locked");
      refuse(sent);
      byId("login").hidden = false;
      byId("login").textContent = token() ? "Lock" : "Unlock";
    } else if (!error.status) connected(false, "no connection");
    showUnknown(error.status ? error.message : "the station does not answer; what stands here is old");
  }
  setTimeout(look, document.hidden ? 5000 : 1000);
}

function setStrength(value) {
  byId("strength").value = value;
  byId("strength-value").textContent = `${Math.round(value * 100)} %`;
}

function note(text) {
  byId("change-note").textContent = text;
}

async function change(path, value, doing) {
  const focused = document.activeElement;
  steering = true;
  note(doing);
  enable();
  try {
    await post(path, value);
    note("done");
    if ("bundle" in value) byId("bundle").value = "";
  } catch (error) {
    if (error.status === 401) setToken("");
    note(`refused: ${error.message}`);
  }
  steering = false;
  enable();
  if (document.activeElement === document.body) focused?.focus(); // what is disabled loses the focus, and the next key would go nowhere
}

byId("stream").addEventListener("change", (event) => watch(event.target.value));
byId("strength").addEventListener("input", (event) => setStrength(Number(event.target.value)));
byId("strength").addEventListener("change", (event) => change("/v1/strength", { strength: Number(event.target.value) }, "changing strength"));
byId("bundle").addEventListener("change", enable);
byId("swap").addEventListener("click", () => change("/v1/bundle", { bundle: byId("bundle").value }, "judging the bundle on its golden frames; the present one goes on"));
byId("freeze").addEventListener("click", () => viewer.freeze());
byId("zoom-in").addEventListener("click", () => viewer.setZoom(viewer.zoom * 1.5));
byId("zoom-out").addEventListener("click", () => viewer.setZoom(viewer.zoom / 1.5));
byId("zoom-fit").addEventListener("click", () => viewer.setZoom(1));
viewer.onZoom = (zoom) => (byId("zoom").textContent = `${Math.round(zoom * 100)} %`);
viewer.onState = (state) => {
  if (state === "dead") byId("frame-facts").textContent = "";
};
viewer.onFreeze = (on) => {
  if (on) byId("frame-facts").textContent = byId("frame-facts").textContent.replace(/\d+ ms old when shown/, "frozen");
  byId("freeze").setAttribute("aria-pressed", String(on));
  byId("freeze").textContent = on ? "Go on" : "Freeze";
};

byId("login").addEventListener("click", () => {
  if (token()) return setToken("");
  byId("token").value = byId("token-dialog").returnValue = "";
  byId("token-dialog").showModal();
});
byId("token-cancel").addEventListener("click", () => byId("token-dialog").close("cancel"));
byId("token-dialog").addEventListener("close", () => {
  if (byId("token-dialog").returnValue === "ok") setToken(byId("token").value.trim());
  byId("token").value = "";
});

const PAN = {
  ArrowLeft: () => viewer.pan(-0.1, 0),
  ArrowRight: () => viewer.pan(0.1, 0),
  ArrowUp: () => viewer.pan(0, -0.1),
  ArrowDown: () => viewer.pan(0, 0.1),
};
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea, #events, dialog, dialog *")) return;
  if (event.key === " " && event.target.matches("button")) return; // presses the button
  const act = {
    " ": () => viewer.freeze(),
    "+": () => viewer.setZoom(viewer.zoom * 1.5),
    "-": () => viewer.setZoom(viewer.zoom / 1.5),
    0: () => viewer.setZoom(1),
    ...(viewer.zoom > 1 && PAN),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

const style = document.createElement("link");
Object.assign(style, { rel: "stylesheet", href: "/page/uplot.css" });
document.head.append(style);
import("./chart.js").then(({ Chart }) => (chart = new Chart(byId("chart"))));
listen((_id, event) => addEvent(event));
look();
