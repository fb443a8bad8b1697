// The best and pinned trials one by one, on the same axes: where the gap of each opens.

function panel(t) {
  const plot = new Plot({
    height: 150,
    label: `Training and validation curve of trial ${t.n}.`,
    margin: { left: 44, right: 8, top: 8, bottom: 22 },
    draw: (p) => {
      const [low, high] = yRange();
      const last = Math.max(2, fanEnd(), ...panelTrials().map((k) => k.e.at(-1) ?? 1));
      const x = scale("linear", 1, last, p.box.left, p.box.right, 3);
      x.ticks = [...new Set([1, ...x.ticks.filter((v) => Number.isInteger(v) && v >= 1)])];
      p.axes(x, scale(kindNow(), low, high, p.box.bottom, p.box.top, 4), "", "");
      const path = pathOf(p, t);
      if (!path.val && !path.train) return;
      p.inside(p.ctx, () => bold(p.ctx, p, path, hue(t.n) ?? tone("ink"), { width: 1.9, shade: 0.2 }));
    },
  });
  plot.base.tabIndex = -1; // the chart above gives its values
  const node = el("div", {}, chip(t), plot.node);
  node.plot = plot;
  return node;
}

const panelTrials = () => [...new Set([...data.leaders, ...view.pinned])].map((n) => trialOf.get(n)).filter((t) => t.e.length);

function panelsCard() {
  const box = el("div", { class: "panels legend" });
  const card = el("section", { class: "card", id: "panels" }, el("h2", {}, "Best trials one by one"), box,
    el("p", { class: "caption" }, "The same axes in each; the shaded area is the gap between training and validation."
      + (anyFan ? " Beyond the last epoch: what is predicted." : "")));
  const fill = () => {
    box.replaceChildren(...panelTrials().map(panel));
    for (const node of box.children) node.plot.draw();
    card.hidden = !box.childElementCount;
  };
  listen((patch) => {
    if ("pinned" in patch || "theme" in patch) fill();
    else if ("pair" in patch || "log" in patch || "fit" in patch) for (const node of box.children) node.plot.draw();
    if ("lit" in patch) for (const b of box.querySelectorAll("button")) b.classList.toggle("lit", Number(b.dataset.n) === view.lit);
  });
  if (data.metrics.length) fill();
  return data.metrics.length ? card : "";
}
