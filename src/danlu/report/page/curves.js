// Learning curves of all trials on one chart: validation solid, training dashed, the gap shaded.

const MANY = 150; // above, training curves of faded trials are drawn only when they are lit
const REACH = 36; // pixels from the pointer to the nearest curve

const pairNow = () => data.metrics[view.pair];
const finite = (v) => typeof v === "number";
const series = (t, name) => (name && Object.hasOwn(t.m, name) ? t.m[name] : null);
const dashed = (ctx, on) => ctx.setLineDash(on ? [5, 4] : []);
const logNow = () => (view.log === null ? pairNow().range.log : view.log) && pairNow().range.can_log;

function yRange() {
  const r = pairNow().range;
  if (!view.fit) {
    if (!logNow() || r.low > 0) return [r.low, r.high];
    return [r.full[0], r.high];
  }
  const [low, high] = r.full;
  if (logNow()) return [low / 1.1, high * 1.1];
  const room = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

// Where a value that is not finite goes: beyond the bad end of the axis.
const badEnd = () => (pairNow().direction === "max" ? "bottom" : "top");

// Pixel positions of a trial's metric; `ends` is where it stops being finite.
function track(plot, t, name) {
  const values = series(t, name);
  if (!values) return null;
  const { x, y, box } = plot;
  const px = [], py = [];
  let lost = null;
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null) continue;
    if (!finite(values[i])) { lost ??= x.at(t.e[i]); continue; }
    if (lost !== null) break;
    const p = y.at(y.kind === "log" && values[i] <= 0 ? y.low * 1e-3 : values[i]);
    px.push(x.at(t.e[i]));
    py.push(Math.max(box.top - 4000, Math.min(box.bottom + 4000, p)));
  }
  if (lost !== null && px.length) { px.push(lost); py.push(badEnd() === "top" ? box.top - 40 : box.bottom + 40); }
  return { px, py, lost };
}

function stroke(ctx, path, width, colour) {
  if (!path || !path.px.length) return;
  if (path.px.length === 1) { dot(ctx, path.px[0], path.py[0], width + 0.8, colour); return; }
  ctx.beginPath();
  ctx.moveTo(path.px[0], path.py[0]);
  for (let i = 1; i < path.px.length; i++) ctx.lineTo(path.px[i], path.py[i]);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke();
}

function gap(ctx, a, b, colour, alpha) {
  if (!a || !b || a.px.length < 2 || b.px.length < 2) return;
  ctx.beginPath();
  ctx.moveTo(a.px[0], a.py[0]);
  for (let i = 1; i < a.px.length; i++) ctx.lineTo(a.px[i], a.py[i]);
  for (let i = b.px.length - 1; i >= 0; i--) ctx.lineTo(b.px[i], b.py[i]);
  ctx.closePath();
  ctx.globalAlpha = alpha;
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.globalAlpha = 1;
}

// A trial in full: gap, training dashed, validation solid, a dot at its end.
function bold(ctx, plot, path, colour, { width = 2.2, shade = 0.1, ring = false } = {}) {
  gap(ctx, path.val, path.train, colour, shade);
  dashed(ctx, true);
  stroke(ctx, path.train, width * 0.75, colour);
  dashed(ctx, false);
  stroke(ctx, path.val, width, colour);
  const main = path.val ?? path.train;
  const last = main.px.length - 1;
  if (last < 0) return;
  if (ring) dot(ctx, main.px[last], main.py[last], 4.5, tone("card"), colour);
  else dot(ctx, main.px[last], main.py[last], 2.6, colour);
}

const isRunning = (t) => t.state === "running" || t.state === "lost";
const emphasised = (t) => data.leaders.includes(t.n) || view.pinned.includes(t.n) || isRunning(t);

function faded(ctx, paths) {
  const grey = tone("grey");
  ctx.strokeStyle = grey;
  ctx.fillStyle = grey;
  const base = Math.min(0.36, Math.max(0.07, 14 / paths.length));
  for (const { t, val, train } of paths) {
    ctx.globalAlpha = t.state === "stopped" || t.state === "failed" ? base * 0.7 : base;
    if (train && paths.length <= MANY) {
      dashed(ctx, true);
      stroke(ctx, train, 0.9, grey);
      dashed(ctx, false);
    }
    const main = val ?? train;
    stroke(ctx, main, 1.1, grey);
    const last = main.px.length - 1;
    if (last > 0 && paths.length <= MANY) dot(ctx, main.px[last], main.py[last], 1.7, grey);
  }
  ctx.globalAlpha = 1;
}

// Numbers beside the ends of coloured curves, pushed apart so that none covers another.
function endLabels(ctx, plot, paths) {
  const { box } = plot;
  const wanted = paths
    .map(({ t, val, train, colour }) => ({ n: t.n, colour, y: (val ?? train).py.at(-1), x: (val ?? train).px.at(-1) }))
    .filter((l) => l.y >= box.top && l.y <= box.bottom && l.x > box.right - 30)
    .sort((a, b) => a.y - b.y);
  let free = box.top;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const l of wanted) {
    const y = Math.max(l.y, free + 7);
    if (y > box.bottom + 8) break;
    ctx.fillStyle = l.colour;
    ctx.fillText(`#${l.n}`, box.right + 8, y);
    free = y + 7;
  }
}

function paintCurves(plot) {
  const pair = pairNow();
  const [low, high] = yRange();
  const { box } = plot;
  const drawn = trials.filter((t) => series(t, pair.val) || series(t, pair.train));
  const last = Math.max(1, ...drawn.map((t) => t.e.at(-1) ?? 1), ...drawn.filter(isRunning).map((t) => t.until));
  const x = scale("linear", last > 1 ? 1 : 0.5, last > 1 ? last : 1.5, box.left, box.right, Math.max(3, plot.width / 90));
  x.ticks = [...new Set([1, ...x.ticks.filter((v) => Number.isInteger(v) && v >= 1)])];
  const y = scale(logNow() ? "log" : "linear", low, high, box.bottom, box.top, 6);
  plot.axes(x, y, "epoch", pair.label + (logNow() ? " (log scale)" : ""));
  plot.paths = drawn.map((t) => ({ t, val: track(plot, t, pair.val), train: track(plot, t, pair.train), colour: hue(t.n) }));
  const main = plot.paths.filter((p) => emphasised(p.t));
  const order = (p) => (isRunning(p.t) ? 0 : 100 - data.leaders.indexOf(p.t.n));
  main.sort((a, b) => order(a) - order(b));
  for (const p of main) p.colour ??= tone("ink");
  plot.inside(plot.ctx, () => {
    faded(plot.ctx, plot.paths.filter((p) => !emphasised(p.t)));
    for (const p of main) gap(plot.ctx, p.val, p.train, p.colour, p.t.n === data.leaders[0] ? 0.17 : 0.04);
    for (const p of main) bold(plot.ctx, plot, p, p.colour, { shade: 0, width: isRunning(p.t) ? 2.6 : 2.2, ring: isRunning(p.t) });
  });
  crosses(plot);
  endLabels(plot.ctx, plot, main);
  plot.node.dataset.curves = String(plot.paths.length);
}

// A small cross at the edge where a curve stopped being a number.
function crosses(plot) {
  const { ctx, box } = plot;
  const y = badEnd() === "top" ? box.top + 5 : box.bottom - 5;
  ctx.strokeStyle = tone("bad");
  ctx.lineWidth = 1.6;
  ctx.beginPath();
  for (const p of plot.paths) {
    const x = p.val?.lost ?? p.train?.lost;
    if (x === null || x === undefined) continue;
    ctx.moveTo(x - 3, y - 3); ctx.lineTo(x + 3, y + 3);
    ctx.moveTo(x + 3, y - 3); ctx.lineTo(x - 3, y + 3);
  }
  ctx.stroke();
}

// Trials whose training ran away: not finite, or their last value lies beyond the bad end.
function outside() {
  const pair = pairNow(), { low, high } = pair.range;
  const gone = (t) => {
    const last = (series(t, pair.val) ?? series(t, pair.train) ?? []).filter((v) => v !== null).at(-1);
    if (last === undefined) return t.diverged;
    return t.diverged || !finite(last) || (pair.direction === "min" && last > high) || (pair.direction === "max" && last < low);
  };
  const found = trials.filter(gone);
  return { diverged: found.filter((t) => t.diverged).length, beyond: found.filter((t) => !t.diverged).length };
}

function paintLit(plot) {
  const ctx = plot.context(plot.over);
  const path = plot.paths?.find((p) => p.t.n === view.lit);
  if (!path) return;
  const colour = path.colour ?? tone("ink");
  plot.inside(ctx, () => bold(ctx, plot, path, colour, { width: 3, shade: 0.25 }));
  const i = plot.cursor?.n === view.lit ? plot.cursor.i : null;
  if (i === null) return;
  const at = plot.x.at(path.t.e[i]);
  ctx.strokeStyle = tone("soft");
  ctx.lineWidth = 1;
  ctx.beginPath(); ctx.moveTo(at, plot.box.top); ctx.lineTo(at, plot.box.bottom); ctx.stroke();
  plot.inside(ctx, () => {
    for (const name of [pairNow().val, pairNow().train]) {
      const v = series(path.t, name)?.[i];
      if (finite(v)) dot(ctx, at, plot.y.at(v), 4, tone("back"), colour);
    }
  });
}

function distance(path, mx, my) {
  const { px, py } = path;
  let a = 0, b = px.length - 1;
  if (b < 0 || mx < px[0] - REACH || mx > px[b] + REACH) return Infinity;
  while (b - a > 1) { const mid = (a + b) >> 1; if (px[mid] <= mx) a = mid; else b = mid; }
  let best = Infinity;
  for (let i = Math.max(1, a - 1); i <= Math.min(px.length - 1, b + 2); i++) best = Math.min(best, toSegment(mx, my, px[i - 1], py[i - 1], px[i], py[i]));
  return Math.min(best, Math.hypot(mx - px[a], my - py[a]), Math.hypot(mx - px[b], my - py[b]));
}

function toSegment(mx, my, ax, ay, bx, by) {
  const dx = bx - ax, dy = by - ay, length = dx * dx + dy * dy;
  const k = length ? Math.max(0, Math.min(1, ((mx - ax) * dx + (my - ay) * dy) / length)) : 0;
  return Math.hypot(mx - ax - k * dx, my - ay - k * dy);
}

function nearestCurve(plot, mx, my) {
  let best = null, least = REACH;
  for (const p of plot.paths ?? []) {
    const bonus = emphasised(p.t) ? 5 : 0; // of two close curves the coloured one is meant
    for (const path of [p.val, p.train]) {
      if (!path) continue;
      const d = distance(path, mx, my) - bonus;
      if (d < least) { least = d; best = p; }
    }
  }
  return best;
}

function nearestIndex(t, epoch) {
  let best = 0;
  for (let i = 1; i < t.e.length; i++) if (Math.abs(t.e[i] - epoch) < Math.abs(t.e[best] - epoch)) best = i;
  return best;
}

function pointRows(t, i) {
  const pair = pairNow(), val = series(t, pair.val)?.[i], train = series(t, pair.train)?.[i];
  const rows = [];
  if (pair.train) rows.push([pair.train, show(train)]);
  if (pair.val) rows.push([pair.val, show(val)]);
  if (finite(val) && finite(train)) rows.push(["gap", show(Math.abs(val - train), 2)]);
  return rows;
}

const title = (t, i) => `Trial ${t.n} · epoch ${t.e[i]}`;

function aim(plot, path, i) {
  plot.cursor = { n: path.t.n, i };
  if (view.lit === path.t.n) paintLit(plot);
  light(path.t.n);
}

function watch(plot) {
  const { base } = plot;
  base.addEventListener("pointermove", (event) => {
    const at = base.getBoundingClientRect();
    const found = plot.x && nearestCurve(plot, event.clientX - at.left, event.clientY - at.top);
    if (!found) { untip(); light(null); return; }
    const i = nearestIndex(found.t, plot.x.back(event.clientX - at.left));
    aim(plot, found, i);
    const more = [...(found.t.proxy ? [["trained on", found.t.proxy]] : []), ...topRows(found.t), ["state", found.t.state]];
    tip(event, title(found.t, i), [...pointRows(found.t, i), ...more], view.pinned.includes(found.t.n) ? "click to unpin" : "click to pin");
  });
  base.addEventListener("pointerleave", () => { untip(); light(null); });
  base.addEventListener("click", () => { if (view.lit !== null) pin(view.lit); });
  base.addEventListener("keydown", (event) => walk(plot, event));
  base.addEventListener("blur", () => light(null));
}

// Arrows move along a curve and from curve to curve, best first; Enter pins, Escape leaves.
function walk(plot, event) {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  if (event.key === "Escape") { plot.cursor = null; light(null); return; }
  if (event.key === "Enter" && view.lit !== null) { pin(view.lit); return; }
  const step = steps[event.key];
  if (!step || !plot.paths?.length) return;
  event.preventDefault();
  const order = byMerit(plot.paths.map((p) => p.t));
  const old = order.findIndex((t) => t.n === plot.cursor?.n);
  const t = order[old < 0 ? 0 : Math.max(0, Math.min(order.length - 1, old + step[0]))];
  const i = Math.max(0, Math.min(t.e.length - 1, (plot.cursor?.i ?? t.e.length - 1) + (old < 0 ? 0 : step[1])));
  aim(plot, plot.paths.find((p) => p.t === t), i);
  say(`${title(t, i)}: ${pointRows(t, i).map((r) => r.join(" ")).join(", ")}`);
}

function byMerit(list) {
  const sign = data.study.direction === "min" ? 1 : -1;
  const key = (t) => (t.n === data.leaders[0] ? 0 : t.rank ?? (t.value === null ? 2e9 : 1e9 + sign * t.value));
  return [...list].sort((a, b) => key(a) - key(b) || a.n - b.n);
}

function legend() {
  const list = el("ul", { class: "legend", "aria-label": "Coloured trials" });
  const fill = () => {
    const shown = [...new Set([...data.leaders, ...view.pinned, ...trials.filter(isRunning).map((t) => t.n)])];
    list.replaceChildren(...shown.filter((n) => trialOf.has(n)).map((n) => el("li", {}, chip(trialOf.get(n)))));
  };
  listen((patch) => {
    if ("pinned" in patch || "theme" in patch) fill();
    for (const b of list.querySelectorAll("button")) b.classList.toggle("lit", Number(b.dataset.n) === view.lit);
  });
  fill();
  return list;
}

function chip(t) {
  const swatch = el("span", { class: "swatch" });
  swatch.style.background = hue(t.n) ?? tone("ink");
  const parts = [`#${t.n}`, show(t.value), ...topRows(t).slice(0, 1).map((r) => r.join(" ")), ...(isRunning(t) ? [`running, epoch ${t.epoch} of ${t.until}`] : [])];
  const button = el("button", { type: "button", "data-n": String(t.n), title: "Pin or unpin this trial" }, swatch, el("span", { class: "name" }, parts.join(" · ")));
  button.addEventListener("pointerenter", () => light(t.n));
  button.addEventListener("pointerleave", () => light(null));
  button.addEventListener("focus", () => light(t.n));
  button.addEventListener("click", () => pin(t.n));
  return button;
}

function curveTable() {
  const pair = pairNow();
  const shown = [...data.leaders, ...view.pinned.filter((n) => !data.leaders.includes(n))].map((n) => trialOf.get(n));
  const columns = shown.flatMap((t) => namesOf(pair).map((name) => ({ t, name })));
  const epochs = [...new Set(shown.flatMap((t) => t.e))].sort((a, b) => a - b);
  const value = ({ t, name }, epoch) => show(series(t, name)?.[t.e.indexOf(epoch)]);
  return table(["epoch", ...columns.map((c) => `#${c.t.n} ${c.name}`)], epochs.map((e) => [e, ...columns.map((c) => value(c, e))]));
}
const namesOf = (pair) => [pair.train, pair.val].filter((n) => n !== null);

function key(kind, words) {
  return el("span", { class: "key" }, el("i", { class: kind }), words);
}

function keys() {
  const line = el("p", { class: "caption" });
  const fill = () => {
    const pair = pairNow();
    const parts = [];
    if (pair.val) parts.push(key("", pair.val));
    if (pair.train) parts.push(key("dashed", pair.train));
    if (pair.val && pair.train) parts.push(key("gap", "gap between the two"));
    if (trials.length > data.leaders.length) parts.push(key("other", "all other trials"));
    line.replaceChildren(...parts);
    if (trials.length > MANY) line.append("Training curves of grey trials show when they are lit. ");
    if (data.thinned) line.append("Very long curves are drawn through the extremes of each stretch. ");
  };
  listen((patch) => { if ("pair" in patch) fill(); });
  fill();
  return line;
}

function curvesCard() {
  if (!data.metrics.length) {
    const words = trials.length ? "No trial has reported a number yet." : "No trial has been started yet.";
    return el("section", { class: "card", id: "curves" }, el("h2", {}, "Learning curves"), el("p", { class: "empty" }, words));
  }
  const plot = new Plot({
    height: (w) => Math.round(Math.max(260, Math.min(460, w * 0.5))),
    label: `Learning curves of ${trials.length} trials.`,
    keys: " Arrow keys move along a curve and from curve to curve; Enter pins it. The table below holds the values.",
    margin: { left: 52, right: 44, top: 22, bottom: 40 },
    draw: (p) => { paintCurves(p); paintLit(p); },
  });
  watch(plot);
  listen((patch) => { if ("lit" in patch) paintLit(plot); else plot.draw(); });
  plot.node.append(badge());
  return el("section", { class: "card", id: "curves" },
    el("div", { class: "head" }, el("h2", {}, "Learning curves"), curveControls()),
    plot.node, keys(), legend(), twin("Values of the coloured trials as a table", curveTable));
}

function curveControls() {
  const log = toggle("log scale", logNow(), () => change({ log: !logNow() }));
  const fit = toggle("fit all", view.fit, () => change({ fit: !view.fit }));
  const sync = () => { press(log, logNow()); press(fit, view.fit); log.disabled = !pairNow().range.can_log; };
  listen(sync);
  sync();
  return el("div", { class: "controls" }, ...(data.metrics.length > 1 ? [pairChoice()] : []), log, fit);
}

function pairChoice() {
  const select = el("select", { id: "metric", "aria-label": "Metric" },
    ...data.metrics.map((m, i) => el("option", { value: String(i) }, m.label)));
  select.addEventListener("change", () => change({ pair: Number(select.value), log: null, fit: false }));
  return select;
}

function badge() {
  const button = el("button", { type: "button", class: "badge" });
  const fill = () => {
    const { diverged, beyond } = outside();
    const words = [...(diverged ? [`${diverged} diverged`] : []), ...(beyond && !view.fit ? [`${beyond} beyond the edge`] : [])];
    button.hidden = !words.length;
    button.textContent = `${badEnd() === "top" ? "▲" : "▼"} ${words.join(", ")}`;
    button.title = view.fit ? "Back to the robust view" : "Show all values";
    Object.assign(button.style, badEnd() === "top" ? { top: "26px", bottom: "", right: "48px" } : { top: "", bottom: "46px", right: "48px" });
  };
  button.addEventListener("click", () => change({ fit: !view.fit }));
  listen((patch) => { if (!("lit" in patch)) fill(); });
  fill();
  return button;
}
