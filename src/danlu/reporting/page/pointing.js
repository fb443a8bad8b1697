// Which curve is meant: by the pointer or the arrow keys; and how it is lit.

const REACH = 36; // pixels from the pointer to the nearest curve

function paintLit(plot) {
  const ctx = plot.context(plot.over);
  const path = plot.paths?.find((p) => p.t.n === view.lit);
  if (!path) return;
  const colour = path.colour ?? tone("ink");
  plot.inside(ctx, () => bold(ctx, plot, path, colour, { width: 3, shade: 0.25 }));
  const { i = null, k = null } = plot.cursor?.n === view.lit ? plot.cursor : {};
  if (i === null) return;
  const at = plot.x.at(k === null ? path.t.e[i] : path.t.fan[k][0]);
  ctx.strokeStyle = tone("soft");
  ctx.lineWidth = 1;
  ctx.beginPath(); ctx.moveTo(at, plot.box.top); ctx.lineTo(at, plot.box.bottom); ctx.stroke();
  plot.inside(ctx, () => {
    if (k !== null) { dot(ctx, at, plot.y.at(path.t.fan[k][2]), 4, tone("back"), colour); return; }
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
    for (const path of [p.val, p.train, p.fan]) {
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

const title = (t, i, k = null) => `Trial ${t.n} · epoch ${k === null ? t.e[i] : t.fan[k][0]}`;

// At a point of a curve, or (with `k`) of its fan.
function aim(plot, path, i, k = null) {
  plot.cursor = { n: path.t.n, i, k };
  if (view.lit === path.t.n) paintLit(plot);
  light(path.t.n);
}

function watch(plot) {
  const { base } = plot;
  base.addEventListener("pointermove", (event) => {
    const at = base.getBoundingClientRect();
    const found = plot.x && nearestCurve(plot, event.clientX - at.left, event.clientY - at.top);
    if (!found) { untip(); light(null); return; }
    const epoch = plot.x.back(event.clientX - at.left);
    const i = nearestIndex(found.t, epoch), k = found.fan ? fanIndex(found.t, epoch) : null;
    aim(plot, found, i, k);
    const known = k === null ? pointRows(found.t, i) : [];
    const more = [...(found.t.proxy ? [["trained on", found.t.proxy]] : []), ...topRows(found.t), ["state", found.t.state]];
    tip(event, title(found.t, i, k), [...known, ...predictedRows(found.t, k), ...more], view.pinned.includes(found.t.n) ? "click to unpin" : "click to pin");
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
  say(`${title(t, i)}: ${[...pointRows(t, i), ...predictedRows(t)].map((r) => r.join(" ")).join(", ")}`);
}

function byMerit(list) {
  const sign = data.study.direction === "min" ? 1 : -1;
  const key = (t) => (t.n === data.leaders[0] ? 0 : t.rank ?? (t.value === null ? 2e9 : 1e9 + sign * t.value));
  return [...list].sort((a, b) => key(a) - key(b) || a.n - b.n);
}
