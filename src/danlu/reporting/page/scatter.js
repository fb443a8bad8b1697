// Values of all trials as dots: along the study (history), and along each parameter (slices).

const STEADY = 0x9e3779b1; // spreads trial numbers evenly, so that a picture is the same each time
const jitter = (n) => (((Math.imul(n, STEADY) >>> 0) / 2 ** 32) - 0.5);

const valued = trials.filter((t) => t.value !== null && Math.abs(t.value) < 1e100); // what a chart can show
const counted = (t) => t.rank !== null || !trials.some((other) => other.rank !== null);

const valuesNow = () => (view.close ? data.values.close : data.values);

function valueScale(box, wanted) {
  const r = valuesNow();
  return scale(r.log ? "log" : "linear", r.low, r.high, box.bottom, box.top, wanted);
}

// Dots of some trials; what lies beyond an end of the axis sits on its edge as a small triangle.
function dots(plot, place) {
  const { ctx, box, y } = plot;
  plot.dots = valued.filter((t) => place(t) !== null).map((t) => {
    const raw = y.at(y.kind === "log" && t.value <= 0 ? y.low * 1e-3 : t.value);
    const out = raw < box.top - 0.5 ? -1 : raw > box.bottom + 0.5 ? 1 : 0;
    return { t, x: place(t), y: Math.max(box.top + 3, Math.min(box.bottom - 3, raw)), out };
  });
  const last = (d) => (data.leaders.includes(d.t.n) ? 10 - data.leaders.indexOf(d.t.n) : view.pinned.includes(d.t.n) ? 1 : 0);
  for (const d of [...plot.dots].sort((a, b) => last(a) - last(b))) drawDot(ctx, d, plot.dots.length);
}

function drawDot(ctx, d, many) {
  const colour = hue(d.t.n);
  const best = d.t.n === data.leaders[0];
  ctx.globalAlpha = colour ? 1 : Math.max(0.28, Math.min(0.6, 60 / many));
  const ink = colour ?? tone("grey");
  if (d.out) triangle(ctx, d, ink);
  else if (d.t.proxy) dot(ctx, d.x, d.y, 3, null, ink);
  else dot(ctx, d.x, d.y, best ? 5 : colour ? 4 : 3, ink, best ? tone("ink") : null);
  ctx.globalAlpha = 1;
}

function triangle(ctx, d, ink) {
  ctx.beginPath();
  ctx.moveTo(d.x - 4, d.y - d.out * 2);
  ctx.lineTo(d.x + 4, d.y - d.out * 2);
  ctx.lineTo(d.x, d.y + d.out * 4);
  ctx.fillStyle = ink;
  ctx.fill();
}

function ringLit(plot) {
  const ctx = plot.context(plot.over);
  const d = plot.dots?.find((k) => k.t.n === view.lit);
  if (!d) return;
  dot(ctx, d.x, d.y, 7, null, tone("ink"));
  dot(ctx, d.x, d.y, 4, hue(d.t.n) ?? tone("accent"));
}

function nearestDot(plot, mx, my) {
  let best = null, least = 22;
  for (const d of plot.dots ?? []) {
    const far = Math.hypot(d.x - mx, d.y - my);
    if (far < least) { least = far; best = d; }
  }
  return best;
}

function dotRows(t, first = []) {
  return [
    [`${data.study.metric}`, show(t.value)], ["at epoch", `${t.at} of ${t.epoch}`], ...first,
    ...(t.proxy ? [["trained on", t.proxy]] : []), ...(t.stage ? [["stage", t.stage]] : []), ["state", t.state],
  ];
}

function watchDots(plot, rows) {
  const { base } = plot;
  base.addEventListener("pointermove", (event) => {
    const at = base.getBoundingClientRect();
    const d = nearestDot(plot, event.clientX - at.left, event.clientY - at.top);
    if (!d) { untip(); light(null); return; }
    light(d.t.n);
    tip(event, `Trial ${d.t.n}`, rows(d.t), view.pinned.includes(d.t.n) ? "click to unpin" : "click to pin");
  });
  base.addEventListener("pointerleave", () => { untip(); light(null); });
  base.addEventListener("click", () => { if (view.lit !== null) pin(view.lit); });
  base.addEventListener("keydown", (event) => walkDots(plot, rows, event));
  base.addEventListener("blur", () => light(null));
  listen((patch) => {
    if ("lit" in patch) ringLit(plot);
    else if ("pinned" in patch || "theme" in patch || "close" in patch) plot.draw();
  });
}

// Left and right go from dot to dot along the axis; Enter pins, Escape leaves.
function walkDots(plot, rows, event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "Escape") light(null);
  if (event.key === "Enter" && view.lit !== null) pin(view.lit);
  if (!step || !plot.dots?.length) return;
  event.preventDefault();
  const order = [...plot.dots].sort((a, b) => a.x - b.x);
  const old = order.findIndex((d) => d.t.n === view.lit);
  const d = order[old < 0 ? 0 : Math.max(0, Math.min(order.length - 1, old + step))];
  light(d.t.n);
  say(`Trial ${d.t.n}: ${rows(d.t).map((r) => r.join(" ")).join(", ")}`);
}

// The best value so far as a step line through the trials that count.
function bestLine(plot, along) {
  const { ctx, y, x, box } = plot;
  const sign = data.study.direction === "min" ? 1 : -1;
  const order = valued.filter((t) => counted(t) && t.state !== "failed").sort((a, b) => along(a) - along(b));
  let best = null;
  ctx.beginPath();
  for (const t of order) {
    if (best !== null && sign * t.value >= sign * best) continue;
    const at = x.at(along(t));
    if (best === null) ctx.moveTo(at, y.at(t.value));
    else { ctx.lineTo(at, y.at(best)); ctx.lineTo(at, y.at(t.value)); }
    best = t.value;
  }
  if (best === null) return;
  ctx.lineTo(box.right, y.at(best));
  ctx.strokeStyle = tone("ink");
  ctx.lineWidth = 1.8;
  ctx.stroke();
}

// A line with its name where each stage began.
function stageMarks(plot, along) {
  const { ctx, x, box } = plot;
  const marks = data.stages.map(([name, n]) => [name, x.at(along(trialOf.get(n)))]).sort((a, b) => a[1] - b[1]);
  ctx.textBaseline = "bottom";
  ctx.textAlign = "left";
  let free = -Infinity, row = 0;
  marks.forEach(([name, at], i) => {
    ctx.strokeStyle = tone("soft");
    ctx.globalAlpha = 0.7;
    ctx.lineWidth = 1;
    ctx.setLineDash([2, 3]);
    ctx.beginPath(); ctx.moveTo(at, box.top - 4); ctx.lineTo(at, box.bottom); ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
    ctx.fillStyle = tone("soft");
    row = at < free ? 1 - row : 0; // names that would touch stand one above the other
    const next = marks.slice(i + 1).find((m) => m[1] > at + 60)?.[1] ?? plot.width;
    const words = fitted(ctx, name, Math.max(60, next - at - 8));
    const left = Math.min(at + 3, plot.width - ctx.measureText(words).width - 1);
    ctx.fillText(words, left, box.top - 3 - row * 14);
    free = left + 6 + ctx.measureText(words).width;
  });
}

// Shows the best quarter of the values only, in history and slices alike.
function closer() {
  const button = toggle("best quarter", view.close, () => change({ close: !view.close }));
  listen(() => press(button, view.close));
  return button;
}

function historyCard() {
  const shown = { cost: false };
  const along = (t) => (shown.cost ? t.spent : t.n);
  const plot = new Plot({
    height: 300,
    label: `Value of each of ${valued.length} trials and the best so far.`,
    keys: " Left and right arrow keys go from trial to trial.",
    margin: { left: 52, right: 16, top: 48, bottom: 40 },
    draw: (p) => {
      const end = Math.max(shown.cost ? 1e-3 : 1, ...trials.map(along));
      const x = scale("linear", shown.cost ? 0 : 0.5, shown.cost ? end * 1.02 : end + 0.5, p.box.left, p.box.right, Math.max(3, p.width / 80));
      if (!shown.cost) x.ticks = [...new Set([1, ...x.ticks.filter((v) => Number.isInteger(v) && v >= 1)])];
      p.axes(x, valueScale(p.box, 6), shown.cost ? "full trainings spent" : "trial", data.study.metric + (valuesNow().log ? " (log scale)" : ""));
      stageMarks(p, along);
      p.inside(p.ctx, () => bestLine(p, along));
      dots(p, (t) => p.x.at(along(t)));
      ringLit(p);
    },
  });
  watchDots(plot, (t) => dotRows(t, topRows(t)));
  const cost = toggle("by budget spent", false, (b) => { shown.cost = !shown.cost; press(b, shown.cost); plot.draw(); });
  const caption = "Each dot is a trial's best value, the line the best so far."
    + (valued.some((t) => t.proxy) ? " Hollow dots were trained on part of the data." : "");
  return el("section", { class: "card", id: "history" },
    el("div", { class: "head" }, el("h2", {}, "History"), el("div", { class: "controls" }, closer(), cost)),
    plot.node, el("p", { class: "caption" }, caption),
    twin("As a table", () => table(["trial", "spent", data.study.metric, "stage", "state"],
      valued.map((t) => [t.n, show(t.spent, 3), show(t.value), t.stage, t.state]), (i) => i < 3)));
}

function sliceScale(p, box) {
  const wanted = Math.max(3, (box.right - box.left) / 60);
  if (p.kind === "choice") return scale("category", p.choices, null, box.left, box.right);
  const seen = valued.filter((t) => has(t, p.name)).map((t) => t.config[p.name]);
  const low = Math.min(p.low, ...seen), high = Math.max(p.high, ...seen);
  const room = p.log ? (high / low) ** 0.04 : (high - low) * 0.04;
  const x = scale(p.log ? "log" : "linear", p.log ? low / room : low - room, p.log ? high * room : high + room, box.left, box.right, wanted);
  const whole = p.kind === "int" ? x.ticks.filter(Number.isInteger) : x.ticks;
  x.ticks = whole.filter((v) => v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9));
  return x;
}

function slice(p) {
  const place = (plot, t) => {
    if (!has(t, p.name)) return null;
    const value = t.config[p.name];
    if (p.kind !== "choice") return plot.x.at(value);
    return plot.x.at(p.choices.indexOf(value)) + jitter(t.n) * Math.min(36, plot.x.step * 0.6);
  };
  const plot = new Plot({
    height: 210,
    label: `${data.study.metric} against ${p.name}.`,
    keys: " Left and right arrow keys go from trial to trial.",
    margin: { left: 50, right: 10, top: 10, bottom: 26 },
    draw: (q) => {
      q.axes(sliceScale(p, q.box), valueScale(q.box, 5), "", "");
      dots(q, (t) => place(q, t));
      ringLit(q);
    },
  });
  watchDots(plot, (t) => dotRows(t, [[p.name, show(t.config[p.name])]]));
  return el("div", { class: "slice" }, el("h3", {}, text(p.name + (p.log ? " (log scale)" : ""))), plot.node);
}

function slicesCard() {
  const ordered = data.parameters.some((p) => p.share > 0);
  return el("section", { class: "card long", id: "slices" },
    el("div", { class: "head" }, el("h2", {}, text(`Parameters against ${data.study.metric}`)), el("div", { class: "controls" }, closer())),
    el("p", { class: "caption" }, "One panel for each free parameter, on its own scale; the best trials in the colours of their curves."
      + (ordered ? " Those that explain most of the ranking come first." : "")),
    el("div", { class: "slices" }, ...data.parameters.map(slice)));
}
