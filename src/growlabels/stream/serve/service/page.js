"use strict";
const EVERY = 1500;
const byId = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString("en");
const share = (value) => value.toFixed(3);
let before = null;
let shown = null;
let latest = null;

function element(name, attributes, text) {
  const svg = ["line", "path", "circle", "text", "title"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const narrow = () => document.documentElement.clientWidth < 560;
const end = () => (narrow() ? 435 : 885);
const place = (row, last) => 40 + (end() - 40) * (last ? row / last : 0);
const sized = (svg, height) => svg.setAttribute("viewBox", `0 0 ${end() + 15} ${height}`);
const size = (bytes) => (bytes < 2 ** 20 ? Math.round(bytes / 2 ** 10) + " KB" : Math.round(bytes / 2 ** 20) + " MB");

function drawCurve(state) {
  const svg = byId("curve");
  sized(svg, 240);
  const points = state.curve;
  const last = Math.max(state.scores.all.n_rows, 1);
  const height = (value) => 205 - 185 * value;
  const parts = [];
  for (const value of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(element("line", { class: "grid", x1: 40, x2: end(), y1: height(value), y2: height(value) }));
    parts.push(element("text", { x: 34, y: height(value) + 4, "text-anchor": "end" }, value));
  }
  for (const event of state.events.slice(-60)) {
    const x = place(Math.min(event.row, last), last);
    parts.push(element("line", { class: "mark", x1: x, x2: x, y1: 15, y2: 205 }));
  }
  for (const [name, column] of [["exact", 1], ["f1", 2]]) {
    const path = points.map((point, i) => (i ? "L" : "M") + place(point[0], last).toFixed(1) + " " + height(point[column]).toFixed(1));
    parts.push(element("path", { class: name, d: path.join("") || "M0 0" }));
  }
  parts.push(element("text", { x: 40, y: 228 }, "row 0"));
  parts.push(element("text", { x: end(), y: 228, "text-anchor": "end" }, "row " + number(state.scores.all.n_rows)));
  svg.replaceChildren(...parts);
}

function said(event) {
  const sets = (clusters) => clusters.map((labels) => "{" + labels.join(", ") + "}").join(" ");
  const change = [sets(event.before), sets(event.after)].filter((part) => part).join(" → ");
  return event.kind + (change ? ": " + change : event.labels.length ? ": " + sets([event.labels]) : "");
}

function drawEvents(state) {
  const last = Math.max(state.rows, 1);
  const parts = [element("line", { class: "grid", x1: 40, x2: end(), y1: 80, y2: 80 })];
  const lanes = new Map();
  for (const event of state.events.slice(-200)) {
    const x = place(Math.min(event.row, last), last);
    const bin = Math.round(x / 12);
    const lane = lanes.get(bin) || 0;
    lanes.set(bin, lane + 1);
    const circle = element("circle", { cx: x, cy: 80 - 12 * Math.min(lane, 5), r: 5, class: event.kind.includes("drift") ? "drift" : "cluster" });
    circle.append(element("title", {}, "row " + number(event.row) + ", " + said(event)));
    parts.push(circle);
  }
  parts.push(element("text", { x: 40, y: 106 }, "row 0"), element("text", { x: end(), y: 106, "text-anchor": "end" }, "row " + number(state.rows)));
  sized(byId("events"), 120);
  byId("events").replaceChildren(...parts);
  const recent = state.events.slice(-5).reverse().map((event) => {
    const item = element("li");
    item.append(element("span", { class: "row" }, "row " + number(event.row)), element("span", {}, said(event)));
    return item;
  });
  byId("event-list").replaceChildren(...(recent.length ? recent : [element("li", {}, "No event so far.")]));
  byId("clusters").replaceChildren(...state.clusters.map((labels) => element("span", {}, labels.join(" · "))));
}

function drawTrend(state) {
  const rows = state.trend.slice(0, 15).map((one) => {
    const row = element("tr");
    const ratio = one.all ? one.recent / one.all : 1;
    const arrow = ratio > 1.25 ? [" ↑", "up"] : ratio < 0.8 ? [" ↓", "down"] : ["", ""];
    const name = element("th", {}, one.label);
    name.append(element("span", { class: arrow[1] }, arrow[0]));
    const recent = element("td", { class: "number" });
    const bar = element("span", { class: "bar" });
    bar.style.width = (3 * one.recent).toFixed(2) + "rem";
    recent.append(bar, (100 * one.recent).toFixed(1) + " %");
    row.append(name, recent, element("td", { class: "number" }, (100 * one.all).toFixed(1) + " %"), element("td", { class: "number" }, share(one.f1)));
    return row;
  });
  byId("trend").tBodies[0].replaceChildren(...rows);
}

function tags(row) {
  const found = element("span");
  const truth = row.truth;
  for (const label of row.predicted) {
    const kind = truth === null ? "" : truth.includes(label) ? "right" : "wrong";
    found.append(element("span", { class: "tag " + kind }, label));
  }
  for (const label of (truth || []).filter((one) => !row.predicted.includes(one))) {
    found.append(element("span", { class: "tag missed" }, label));
  }
  if (!found.childNodes.length) found.append(element("span", { class: "note" }, "no label"));
  return found;
}

function drawLast(state) {
  const rows = state.last.map((row) => {
    const item = element("li");
    const button = element("button", { type: "button", "data-number": row.number, "aria-expanded": String(shown === row.number) });
    button.append(tags(row), element("span", { class: "x" }, JSON.stringify(row.x)));
    button.addEventListener("click", () => explain(row.number));
    item.append(button);
    return item;
  });
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.number : null;
  byId("last").replaceChildren(...(rows.length ? rows : [element("li", { class: "note" }, "No row so far.")]));
  const again = focused && byId("last").querySelector(`[data-number="${Number(focused)}"]`);
  if (again) again.focus();
}

async function explain(row) {
  shown = row;
  const answer = await fetch("/why/" + row);
  const why = await answer.json();
  const box = byId("why");
  box.hidden = false;
  if (why.error) { box.replaceChildren(element("p", {}, why.error)); return; }
  const table = element("table");
  const experts = Object.keys(why.labels[0] ? why.labels[0].experts : {});
  const head = element("tr");
  for (const name of ["label", "p", ...experts]) head.append(element("th", { class: name === "label" ? "" : "number" }, name));
  table.append(element("thead"), element("tbody"));
  table.tHead.append(head);
  for (const one of why.labels) {
    const line = element("tr");
    line.append(element("th", {}, (one.chosen ? "✓ " : "") + one.label), element("td", { class: "number" }, share(one.probability)));
    for (const name of experts) line.append(element("td", { class: "number" }, one.experts[name].toFixed(2)));
    table.tBodies[0].append(line);
  }
  const words = "What each expert adds to the log odds of a label. This label set was seen " + number(why.times_seen) + " times.";
  box.replaceChildren(element("h3", {}, "Why these labels"), table, element("p", { class: "note" }, words));
}

function draw(state) {
  drawCurve(state);
  drawEvents(state);
  drawTrend(state);
  drawLast(state);
}

function show(state) {
  latest = state;
  const now = performance.now();
  if (before) {
    const rate = (state.counts.rows - before.rows) / ((now - before.time) / 1000);
    byId("rate").textContent = number(Math.max(0, Math.round(rate)));
  }
  before = { rows: state.counts.rows, time: now };
  byId("rows").textContent = number(state.counts.rows) + " rows so far, " + number(state.counts.malformed) + " bad";
  byId("exact").textContent = share(state.scores.recent.exact_match);
  byId("exact-all").textContent = share(state.scores.all.exact_match) + " over all " + number(state.scores.all.n_rows);
  byId("f1").textContent = share(state.scores.recent.micro_f1);
  byId("f1-all").textContent = share(state.scores.all.micro_f1) + " over all";
  byId("awaited").textContent = number(state.awaited.rows);
  byId("expired").textContent = number(state.expired.rows) + " expired";
  byId("status").textContent = number(state.checkpoints) + " checkpoints, " + size(state.bytes);
  byId("status").className = "";
  byId("troubles").hidden = !state.troubles.length;
  byId("troubles").textContent = state.troubles.join("; ");
  draw(state);
}

async function look() {
  try {
    const answer = await fetch("/state");
    if (!answer.ok) throw new Error((await answer.json()).error);
    show(await answer.json());
  } catch (error) {
    byId("status").textContent = "The service does not answer.";
    byId("status").className = "lost";
  }
  setTimeout(look, EVERY);
}

addEventListener("resize", () => latest && draw(latest));
look();
