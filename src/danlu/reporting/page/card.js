// The card of the learning curves: legend, keys, controls, and the table twin.

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
    if (fansNow()) parts.push(key("fan", "predicted, with its 90 % interval"));
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
  const sync = () => { press(log, logNow()); press(fit, view.fit); log.disabled = !canLog(); };
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
