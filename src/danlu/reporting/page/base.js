"use strict";
// What all parts share: the data, small DOM and number helpers, colours, and the view's state.
// Text from a study reaches the page through text nodes and canvas text only.

const data = JSON.parse(document.getElementById("data").textContent);
const trials = data.trials;
const trialOf = new Map(trials.map((t) => [t.n, t]));
for (const t of trials) if (typeof t.e === "number") t.e = Array.from({ length: t.e }, (_, i) => i + 1);

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((c) => c !== null));
  return node;
}

const text = (value, kind = "text") => el("span", { class: kind }, String(value));

// A number with at most four significant digits; words such as "NaN" and text stay as they are.
function show(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  if (size >= 1e-4 && size < 1e6) {
    const fixed = value.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(size))));
    return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
  }
  return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
}

const HUES = {
  light: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"],
  dark: ["#3B9EDB", "#F0813A", "#2CC197", "#E09CC4", "#F2B63C"],
};
const MORE = { light: ["#56B4E9", "#7A5230", "#6A4FB3", "#5B7F00"], dark: ["#7FCBF5", "#C69A6D", "#A48CF0", "#A5C93A"] };

// The view: what is lit, pinned and chosen. Parts listen and redraw what they show.
const view = { lit: null, pinned: [], pair: 0, log: null, fit: false, close: false, printing: false };
const listeners = [];
const listen = (f) => listeners.push(f);
function change(patch) {
  Object.assign(view, patch);
  for (const f of listeners) f(patch);
}
function light(n) { if (view.lit !== n) change({ lit: n }); }
function pin(n) {
  change({ pinned: view.pinned.includes(n) ? view.pinned.filter((k) => k !== n) : [...view.pinned, n] });
}

const dark = () => document.documentElement.dataset.theme === "dark";
const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// The colour of a leader or pinned trial; null for all others.
function hue(n) {
  const theme = dark() ? "dark" : "light";
  const place = data.leaders.indexOf(n);
  if (place >= 0) return HUES[theme][place];
  const extra = view.pinned.filter((k) => !data.leaders.includes(k)).indexOf(n);
  return extra >= 0 ? MORE[theme][extra % MORE[theme].length] : null;
}

const say = (words) => { document.getElementById("live").textContent = words; };

function tip(event, title, rows, hint = "") {
  const box = document.getElementById("tip");
  const list = el("dl");
  for (const [name, value] of rows) list.append(el("dt", {}, String(name)), el("dd", {}, String(value)));
  box.replaceChildren(el("div", { class: "title" }, title), list, hint ? el("div", { class: "hint" }, hint) : "");
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const left = event.clientX + 16 + width > innerWidth - 8 ? event.clientX - width - 14 : event.clientX + 16;
  const top = Math.min(event.clientY + 14, innerHeight - height - 8);
  box.style.left = `${Math.max(8, left)}px`;
  box.style.top = `${Math.max(8, top)}px`;
}
const untip = () => { document.getElementById("tip").hidden = true; };

// The parameters that explain most of the ranking, for tooltips and legends.
const top3 = data.parameters.slice(0, 3).map((p) => p.name);
const has = (t, name) => Object.hasOwn(t.config, name);
const topRows = (t) => top3.filter((name) => has(t, name)).map((name) => [name, show(t.config[name])]);

function toggle(label, pressed, act) {
  const button = el("button", { type: "button", "aria-pressed": String(pressed) }, label);
  button.addEventListener("click", () => act(button));
  return button;
}
const press = (button, on) => button.setAttribute("aria-pressed", String(on));

function table(head, rows, numeric = () => true) {
  const cell = (tag, value, i) => el(tag, { class: numeric(i) ? "number" : "" }, text(value));
  return el("table", {},
    el("thead", {}, el("tr", {}, ...head.map((h, i) => cell("th", h, i)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((v, i) => cell("td", v, i))))));
}

// A table twin of a chart, built when it is opened.
function twin(label, build) {
  const box = el("details", {}, el("summary", {}, label));
  const fill = () => {
    if (!box.open) return;
    box.querySelector(".scroll")?.remove();
    box.append(el("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": label }, build()));
  };
  box.addEventListener("toggle", fill);
  listen((patch) => { if (!("lit" in patch)) fill(); });
  return box;
}
