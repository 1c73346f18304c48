// Latency and age of the frames that were shown here, over the last minute.

import uPlot from "./uplot.js";

const SPAN_S = 60;
const MOST = 4000;

/** The time of day, 24 hours, in the browser's own zone. */
const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");

export class Chart {
  constructor(root) {
    this.root = root;
    this.data = [[], [], []];
    this.plot = null;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#make());
    new ResizeObserver(() => this.plot?.setSize(this.#size())).observe(root);
    setInterval(() => this.#draw(), 500);
    this.#make();
  }

  add(latency, age) {
    this.data[0].push(Date.now() / 1000);
    this.data[1].push(latency);
    this.data[2].push(age);
    if (this.data[0].length > MOST) for (const column of this.data) column.splice(0, MOST / 4);
  }

  clear() {
    this.data = [[], [], []];
  }

  #size() {
    return { width: Math.max(200, this.root.clientWidth), height: 190 };
  }

  #make() {
    this.plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    this.plot = new uPlot({
      ...this.#size(),
      legend: { live: false },
      cursor: { show: false },
      scales: { x: { range: () => [Date.now() / 1000 - SPAN_S, Date.now() / 1000] }, y: { range: (_u, _low, high) => [0, Math.max(10, high * 1.1)] } },
      series: [{}, { label: "latency", stroke: colour("--accent"), width: 2, spanGaps: false }, { label: "age", stroke: colour("--ink"), width: 1.5, dash: [6, 4] }],
      axes: [{ ...axis, space: 90, values: (_plot, seconds) => seconds.map(clock) }, { ...axis, size: 48 }],
    }, this.data, this.root);
  }

  #draw() {
    if (!document.hidden) this.plot.setData(this.data);
  }
}
