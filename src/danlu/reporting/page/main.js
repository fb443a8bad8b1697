// The page: header, figures, findings, result, charts, table; theme, print and links.

function header() {
  const s = data.study;
  const facts = [`${s.direction} ${s.metric}`, `${s.strategy} strategy`, `${s.epochs} ${s.epochs === 1 ? "epoch" : "epochs"}`, `seed ${s.seed}`, s.began && `began ${s.began}`, s.last && s.last !== s.began && `last event ${s.last}`].filter(Boolean);
  const theme = el("button", { type: "button", id: "theme" });
  const name = () => { theme.textContent = dark() ? "light" : "dark"; theme.setAttribute("aria-label", `Switch to the ${theme.textContent} theme`); };
  theme.addEventListener("click", () => { setTheme(dark() ? "light" : "dark", true); name(); });
  name();
  return el("header", {}, el("h1", {}, text(s.name)), el("span", { class: `pill ${s.state.split(" ")[0]}` }, s.state),
    el("span", { class: "facts text" }, facts.join(" · ")), theme);
}

// The theme follows the system until the person chooses one, which this browser then keeps.
function setTheme(theme, keep = false) {
  document.documentElement.dataset.theme = theme;
  if (keep) { try { localStorage.setItem("danlu-theme", theme); } catch { /* storage is off: the choice lasts for this visit */ } }
  change({ theme });
}

function wantedTheme() {
  try { const kept = localStorage.getItem("danlu-theme"); if (kept === "dark" || kept === "light") return kept; } catch { /* storage is off */ }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function figures() {
  return el("div", { class: "figures" }, ...data.figures.map((f) => el("div", { class: "card figure" },
    el("div", { class: "label text" }, f.label), el("div", { class: "value" }, f.value), el("div", { class: "note" }, f.note))));
}

function findings() {
  const list = data.findings.filter((f) => f.severity !== "info").slice(0, 3);
  if (data.study.state === "running") list.unshift({ severity: "info", message: `This study was running when the report was written; write it again for what came since.` });
  else if (data.study.ended) list.unshift({ severity: data.study.state === "failed" ? "error" : "info", message: `${data.study.state[0].toUpperCase()}${data.study.state.slice(1)}: ${data.study.ended}` });
  if (!list.length) return "";
  return el("ul", { class: "findings" }, ...list.map((f) => el("li", { class: f.severity }, text(f.message))));
}

function resultCard() {
  const r = data.result;
  const card = el("section", { class: "card result", id: "result" }, el("h2", {}, "Result"));
  if (!r) {
    card.append(el("p", { class: "empty" }, trials.length ? "No trial has a value yet." : "Nothing has been trained yet."));
    return card;
  }
  card.append(
    el("div", { class: "big" }, r.spread || r.value),
    ...(r.seeds.length ? [el("div", { class: "caption" }, `${data.study.metric}, mean and standard deviation of ${r.seeds.length} seeds: ${r.seeds.join(", ")}`)] : []),
    el("div", { class: "caption text" }, `${r.seeds.length ? "best of them" : data.study.metric}: trial ${r.number}${r.seeds.length ? ` with ${r.value}` : ""} at epoch ${r.epoch} of ${r.length}${r.proxy ? `, trained on ${r.proxy}` : ""}`),
    el("p", { class: "gain" }, r.gain),
    el("div", { class: "scroll" }, table(["parameter", "best", "default"], r.rows, (i) => i > 0)),
    ...copies(r.copies));
  return card;
}

function copies(list) {
  const box = el("pre", { class: "snippet", id: "snippet", tabindex: "0" }, list[0].text);
  const copy = el("button", { type: "button", id: "copy" }, "copy");
  const choose = list.map(({ label, text: words }, i) => toggle(label, i === 0, (b) => {
    choose.forEach((other) => press(other, other === b));
    box.textContent = words;
  }));
  copy.addEventListener("click", () => { clip(box); copy.textContent = "copied"; setTimeout(() => { copy.textContent = "copy"; }, 1500); });
  return [el("div", { class: "copies" }, ...choose, copy), box];
}

// The clipboard needs a secure page; elsewhere the text is selected and copied the old way.
function clip(box) {
  const old = () => { getSelection().selectAllChildren(box); document.execCommand("copy"); };
  if (navigator.clipboard && isSecureContext) navigator.clipboard.writeText(box.textContent).catch(old);
  else old();
}

function build() {
  document.documentElement.dataset.theme = wantedTheme();
  const parts = [el("div", { class: "pair" }, curvesCard(), resultCard()), panelsCard()];
  if (data.why) parts.push(whyCard());
  if (data.values) parts.push(historyCard());
  if (data.values && data.parameters.length) parts.push(slicesCard());
  if (trials.length) parts.push(tableCard());
  document.getElementById("page").replaceChildren(header(), figures(), findings(), el("div", { class: "rows" }, ...parts),
    el("footer", {}, "Written by danlu. Every reported epoch: danlu export."));
}

// `#trial-12` pins trial 12 and goes to its row.
function follow() {
  const n = Number(/^#trial-(\d+)$/.exec(location.hash)?.[1]);
  if (!trialOf.has(n)) return;
  if (!view.pinned.includes(n)) pin(n);
  document.getElementById(`trial-${n}`)?.scrollIntoView({ block: "center" });
}

build();
follow();
addEventListener("hashchange", follow);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(wantedTheme()));
let before = null;
addEventListener("beforeprint", () => {
  if (view.printing) return;
  before = document.documentElement.dataset.theme;
  setTheme("light");
  view.printing = true;
  for (const plot of document.querySelectorAll(".plot")) plot.append(copied(plot.firstChild));
});
addEventListener("afterprint", () => {
  if (!view.printing) return;
  view.printing = false;
  for (const copy of document.querySelectorAll(".plot .copy")) copy.remove();
  setTheme(before);
});

// Chromium prints a canvas that was drawn anew for printing empty, but a fresh one as it is.
function copied(canvas) {
  const copy = el("canvas", { class: "copy", width: canvas.width, height: canvas.height });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}
