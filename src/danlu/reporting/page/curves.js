// Learning curves of all trials on one chart: validation solid, training dashed, the gap shaded.

const MANY = 150; // above, training curves of faded trials are drawn only when they are lit

const pairNow = () => data.metrics[view.pair];
const finite = (v) => typeof v === "number";
const series = (t, name) => (name && Object.hasOwn(t.m, name) ? t.m[name] : null);
const dashed = (ctx, on) => ctx.setLineDash(on ? [5, 4] : []);
// Accuracies and the like: their log scale is that of the distance to 1.
const nearOne = () => pairNow().direction === "max" && pairNow().range.full[0] >= 0 && pairNow().range.full[1] <= 1;
const canLog = () => nearOne() || pairNow().range.can_log;
const logNow = () => (view.log === null ? pairNow().range.log : view.log) && canLog();
const kindNow = () => (logNow() ? (nearOne() ? "nearOne" : "log") : "linear");
const scaleName = () => ({ linear: "", log: " (log scale)", nearOne: " (log scale of the distance to 1)" })[kindNow()];

function yRange() {
  const r = pairNow().range;
  if (kindNow() === "nearOne") return [Math.max(0, view.fit ? r.full[0] : r.low), 1];
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

// A trial in full: fan, gap, training dashed, validation solid, a dot at its end.
function bold(ctx, plot, path, colour, { width = 2.2, shade = 0.1, ring = false } = {}) {
  fanShade(ctx, path.fan, colour, shade * 0.7);
  gap(ctx, path.val, path.train, colour, shade);
  fanMedian(ctx, path.fan, colour, width);
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
    .map(({ t, val, train, fan, colour }) => ({ n: t.n, colour, y: (fan ?? val ?? train).py.at(-1), x: (fan ?? val ?? train).px.at(-1) }))
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
  const last = Math.max(1, ...drawn.map((t) => t.e.at(-1) ?? 1), ...drawn.filter(isRunning).map((t) => t.until), fanEnd());
  const x = scale("linear", last > 1 ? 1 : 0.5, last > 1 ? last : 1.5, box.left, box.right, Math.max(3, plot.width / 90));
  x.ticks = [...new Set([1, ...x.ticks.filter((v) => Number.isInteger(v) && v >= 1)])];
  const y = scale(kindNow(), low, high, box.bottom, box.top, 6);
  plot.axes(x, y, "epoch", pair.label + scaleName());
  plot.paths = drawn.map((t) => pathOf(plot, t));
  const main = plot.paths.filter((p) => emphasised(p.t));
  const order = (p) => (isRunning(p.t) ? 0 : 100 - data.leaders.indexOf(p.t.n));
  main.sort((a, b) => order(a) - order(b));
  for (const p of main) p.colour ??= tone("ink");
  plot.inside(plot.ctx, () => {
    faded(plot.ctx, plot.paths.filter((p) => !emphasised(p.t)));
    for (const p of main) fanShade(plot.ctx, p.fan, p.colour, 0.1);
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
