// Where an open trial leads: its predicted median, dotted, in the shaded interval that holds nine tenths.

const anyFan = trials.some((t) => t.fan);
const fansNow = () => anyFan && namesOf(pairNow()).includes(data.study.metric);
const fanEnd = () => (fansNow() ? Math.max(...trials.map((t) => (t.fan ? t.fan.at(-1)[0] : 1))) : 1);

// Pixel positions of a trial's fan, from the last point of its curve on; null where it has none.
function fanPath(plot, t, curve) {
  if (!t.fan || !fansNow() || !curve || !curve.px.length || curve.lost !== null) return null;
  const { x, y, box } = plot;
  const at = (v) => Math.max(box.top - 4000, Math.min(box.bottom + 4000, y.at(y.kind === "log" && v <= 0 ? y.low * 1e-3 : v)));
  const side = (k) => [curve.py.at(-1), ...t.fan.map((row) => at(row[k]))];
  return { px: [curve.px.at(-1), ...t.fan.map((row) => x.at(row[0]))], low: side(1), py: side(2), high: side(3) };
}

// A trial's curves and its fan on a plot.
function pathOf(plot, t) {
  const pair = pairNow(), val = track(plot, t, pair.val), train = track(plot, t, pair.train);
  return { t, val, train, fan: fanPath(plot, t, pair.val === data.study.metric ? val : train), colour: hue(t.n) };
}

function fanShade(ctx, fan, colour, alpha) {
  if (fan) gap(ctx, { px: fan.px, py: fan.low }, { px: fan.px, py: fan.high }, colour, alpha);
}

function fanMedian(ctx, fan, colour, width) {
  if (!fan) return;
  ctx.setLineDash([0.1, 5]); // the same whatever the width, so that the dots of a lit fan cover those below
  ctx.lineCap = "round";
  stroke(ctx, fan, width, colour);
  ctx.lineCap = "butt";
  ctx.setLineDash([]);
}

// Which row of the fan an epoch beyond the curve means; null on the curve itself.
function fanIndex(t, epoch) {
  if (!t.fan || !fansNow() || epoch < (t.e.at(-1) + t.fan[0][0]) / 2) return null;
  let best = 0;
  for (let k = 1; k < t.fan.length; k++) if (Math.abs(t.fan[k][0] - epoch) < Math.abs(t.fan[best][0] - epoch)) best = k;
  return best;
}

// "0.974, 0.968–0.981": as many digits as the interval supports.
function interval([, low, value, high]) {
  const half = (high - low) / 2, size = Math.max(Math.abs(low), Math.abs(high));
  if (!(half > 0) || size >= 1e6) return `${show(value)}, ${show(low)}–${show(high)}`;
  const digits = Math.min(12, Math.max(0, -Math.floor(Math.log10(half / 4))));
  const [l, m, h] = [low, value, high].map((v) => v.toFixed(digits));
  return low < 0 ? `${m}, ${l} to ${h}` : `${m}, ${l}–${h}`;
}

const predictedRows = (t, k = null) => {
  if (!t.fan || !fansNow()) return [];
  const row = t.fan[k ?? t.fan.length - 1];
  return [[`predicted at epoch ${row[0]}`, interval(row)]];
};
