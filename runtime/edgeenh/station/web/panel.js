// State, accounting, drift and events: what the station says of itself.

const WORRYING = /failed|lost|began|gave_up|refused|rolled_back|alarm|died|hung|ended|stopped|not_written|gap/;

const byId = (id) => document.getElementById(id);

function fill(element, rows, make) {
  element.replaceChildren(...rows.map(make));
}

function row([name, value]) {
  const line = document.createElement("tr");
  for (const text of [name, value]) line.insertCell().textContent = text;
  return line;
}

const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
const figure = (value, unit) => (value === null || value === undefined ? "–" : `${value.toFixed(1)} ${unit}`);

export function pill(id, text, good) {
  byId(id).textContent = text;
  byId(id).className = `pill ${good ? "good" : "bad"}`;
}

export function showState(state) {
  pill("state", state.state, state.ready);
  byId("why").textContent = state.failure || state.why;
  markStale(false);
  const counts = state.accounting;
  pill("holds", counts.holds ? "every frame accounted for" : "DOES NOT HOLD", counts.holds);
  const reasons = (group, words) => Object.entries(counts[group]).map(([name, n]) => [`${words}: ${name.replaceAll("_", " ")}`, number(n)]);
  fill(byId("accounting").tBodies[0], [
    ["captured", number(counts.captured)],
    ["enhanced", number(counts.enhanced)],
    ...reasons("passthrough", "passed through"),
    ...reasons("dropped", "dropped"),
    ["in flight", number(counts.in_flight)],
    ...(counts.spooled ? [["spooled", number(counts.spooled)]] : []),
    ...reasons("lost_upstream", "lost before capture"),
  ], row);
  const drift = state.drift;
  fill(byId("drift").tBodies[0], [
    ["latency, median", figure(state.latency_ms.p50, "ms")],
    ["latency, 99 %", state.latency_ms.p99 === null ? `after ${number(state.latency_ms.missing.p99)} more frames` : figure(state.latency_ms.p99, "ms")],
    ["age, median", figure(state.age_ms.p50, "ms")],
    ["rate", figure(state.throughput_fps, "frames/s")],
    ...(drift
      ? [["compared with FP32", `1 in ${drift.every}: ${number(drift.compared)}`], ["PSNR, least", drift.psnr_db.min === null ? (drift.compared ? "identical" : "–") : figure(drift.psnr_db.min, "dB")], ["alarms", number(drift.alarms)]]
      : [["drift monitor", "off"]]),
  ], row);
}

/** The station does not answer: what it said last is old, and is marked as such. */
export function showUnknown(why) {
  pill("state", "unknown", false);
  byId("why").textContent = why;
  markStale(true);
}

function markStale(on) {
  for (const id of ["facts", "accounting", "drift", "holds"]) byId(id).classList.toggle("stale", on);
}

export function showInfo(info) {
  const facts = [
    ["model", `${info.model.id} ${info.model.version}`],
    ["digest", info.model.digest.slice(0, 12)],
    ["backend", info.backend ? `${info.backend.name} ${info.backend.precision}` : "–"],
    ["device", info.backend?.device ?? "–"],
    ["worker", info.worker ? (info.worker.pid ? `process ${info.worker.pid}` : "none") : "in this process"],
    ["edgeenh", info.edgeenh],
  ];
  fill(byId("facts"), facts.flat().map((text, index) => [text, index % 2 ? "dd" : "dt"]), ([text, tag]) => {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  });
}

export function addEvent(event) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = event.time ? new Date(event.time * 1000).toLocaleTimeString("en-GB") : "";
  line.append(time, `${event.source ? `${event.source}: ` : ""}${event.detail || event.kind}`);
  line.dataset.kind = event.kind;
  if (WORRYING.test(event.kind)) line.className = "bad";
  const list = byId("events");
  list.prepend(line);
  while (list.children.length > 200) list.lastChild.remove();
}
