// A canvas with axes: scales, ticks, grid, and a second canvas above for what is lit.

// An axis of 1 − value on a log scale, for what comes near 1: the top is where 1 − value is NEAREST.
const NEAREST = 1e-3;
const ONES = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998];

// Positions for ticks and the map from a value to the pixel.
function scale(kind, low, high, from, to, wanted = 6) {
  if (kind === "category") return categories(low, from, to);
  const f = { log: Math.log10, nearOne: (v) => -Math.log10(Math.max(NEAREST, 1 - v)) }[kind] ?? ((v) => v);
  const a = f(low), b = f(high), k = (to - from) / (b - a || 1);
  return {
    kind, low, high,
    at: (v) => from + (f(v) - a) * k,
    back: (p) => (kind === "log" ? 10 ** (a + (p - from) / k) : a + (p - from) / k),
    ticks: kind === "nearOne" ? ONES.filter((v) => v >= low && v <= high) : kind === "log" ? logTicks(low, high, wanted) : linearTicks(low, high, wanted),
    show: (v) => show(v, 3),
  };
}

function categories(names, from, to) {
  const step = (to - from) / names.length;
  return {
    kind: "category", low: 0, high: names.length,
    at: (v) => from + (v + 0.5) * step, back: (p) => Math.round((p - from) / step - 0.5),
    ticks: names.map((_, i) => i), show: (i) => names[i], step,
  };
}

function linearTicks(low, high, wanted) {
  const raw = (high - low) / wanted, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= raw * 0.999) ?? size * 10;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high, wanted) {
  const decades = Math.log10(high / low);
  if (decades < 0.7) return linearTicks(low, high, Math.max(2, wanted / 2));
  const every = Math.max(1, Math.ceil(decades / wanted));
  for (const parts of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = decadeTicks(low, high, parts, every);
    if (ticks.length <= wanted + 1 && ticks.length > 1) return ticks;
  }
  return linearTicks(low, high, 3);
}

function decadeTicks(low, high, parts, every) {
  const ticks = [];
  for (let d = Math.floor(Math.log10(low)); d <= Math.ceil(Math.log10(high)); d++) {
    if (d % every === 0) ticks.push(...parts.map((m) => Number(`${m}e${d}`)));
  }
  return ticks.filter((v) => v >= low * 0.999 && v <= high * 1.001);
}

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

// Text that fits into a width, cut with an ellipsis.
function fitted(ctx, words, width) {
  if (ctx.measureText(words).width <= width) return words;
  let cut = [...words];
  while (cut.length > 1 && ctx.measureText(`${cut.join("")}…`).width > width) cut = cut.slice(0, -1);
  return `${cut.join("")}…`;
}

class Plot {
  // height: in pixels, or a function of the width.  draw(plot): paints the base.  label: for screen readers.
  constructor({ height, label, margin, draw, keys = "" }) {
    this.height = height;
    this.margin = margin;
    this.paint = draw;
    this.base = el("canvas", { role: "img", tabindex: "0", "aria-label": label + keys });
    this.over = el("canvas", { class: "over", "aria-hidden": "true" });
    this.node = el("div", { class: "plot" }, this.base, this.over);
    // While the page is printed its pictures are stretched, not drawn again.
    new ResizeObserver(() => { if (!view.printing) this.draw(); }).observe(this.node);
  }

  draw() {
    const width = this.node.clientWidth;
    if (!width) return;
    const height = typeof this.height === "function" ? this.height(width) : this.height;
    this.node.style.height = `${height}px`;
    const ratio = Math.max(1, Math.min(3, devicePixelRatio));
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    Object.assign(this, { width, tall: height, ratio });
    const m = this.margin;
    this.box = { left: m.left, right: width - m.right, top: m.top, bottom: height - m.bottom };
    this.ctx = this.context(this.base);
    this.paint(this);
    this.node.dataset.drawn = String(Number(this.node.dataset.drawn ?? 0) + 1);
  }

  context(canvas) {
    const ctx = canvas.getContext("2d");
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.tall);
    ctx.font = FONT;
    ctx.lineJoin = "round";
    return ctx;
  }

  inside(ctx, paint) {
    const { left, right, top, bottom } = this.box;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, right - left, bottom - top);
    ctx.clip();
    paint();
    ctx.restore();
  }

  axes(x, y, xLabel, yLabel) {
    const { ctx, box } = this;
    Object.assign(this, { x, y });
    ctx.lineWidth = 1;
    ctx.strokeStyle = tone("grid");
    ctx.fillStyle = tone("soft");
    ctx.beginPath();
    for (const v of y.ticks) { const p = Math.round(y.at(v)) + 0.5; ctx.moveTo(box.left, p); ctx.lineTo(box.right, p); }
    if (x.kind !== "category") for (const v of x.ticks) { const p = Math.round(x.at(v)) + 0.5; ctx.moveTo(p, box.top); ctx.lineTo(p, box.bottom); }
    ctx.stroke();
    this.labels(x, y);
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillText(xLabel, box.right, this.tall - 1);
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.fillText(fitted(ctx, yLabel, this.width - 8), 2, 1);
  }

  labels(x, y) {
    const { ctx, box } = this;
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    for (const v of y.ticks) ctx.fillText(y.show(v), box.left - 6, y.at(v));
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    let free = -Infinity;
    for (const v of x.ticks) {
      const words = x.kind === "category" ? fitted(ctx, x.show(v), Math.max(14, x.step - 6)) : x.show(v);
      const half = ctx.measureText(words).width / 2;
      const p = Math.min(Math.max(x.at(v), half + 1), this.width - half - 1);
      if (p - half < free) continue;
      ctx.fillText(words, p, box.bottom + 6);
      free = p + half + 6;
    }
  }
}

function dot(ctx, x, y, radius, fill, stroke = null) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 7);
  if (fill) { ctx.fillStyle = fill; ctx.fill(); }
  if (stroke) { ctx.strokeStyle = stroke; ctx.lineWidth = 1.5; ctx.stroke(); }
}
