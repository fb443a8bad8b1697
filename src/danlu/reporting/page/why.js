// What was concluded, done and found: the verdict, the stages, the log-book and the findings.

function whyCard() {
  const w = data.why;
  const card = el("section", { class: "card why", id: "why" }, el("h2", {}, "Verdict"),
    el("p", { class: "use" }, text(w.verdict.use)),
    ...w.verdict.sure.map((line) => el("p", {}, text(line))));
  if (w.verdict.next.length) {
    card.append(el("h3", {}, "What to try next"),
      el("ol", { class: "next" }, ...w.verdict.next.map((line) => el("li", {}, text(line)))));
  }
  if (w.stages.length) {
    card.append(el("h3", {}, "Stages"), el("div", { class: "scroll" },
      table(["stage", "trials", "full trainings", "what it did"], w.stages, (i) => i === 1 || i === 2)));
  }
  if (w.logbook.length) card.append(unfolding("Log-book", w.logbook.map(logLine), w.logbook.length < 12));
  if (w.findings.length) card.append(unfolding("Findings that hold", w.findings.map(findingLine), true));
  return card;
}

function unfolding(title, lines, open) {
  return el("details", { open }, el("summary", {}, `${title} (${lines.length})`), el("ul", { class: "findings" }, ...lines));
}

const findingLine = (f) => el("li", { class: f.severity }, text(f.message));
const logLine = (e) => el("li", { class: "info" }, ...(e.stage ? [el("strong", {}, text(`${e.stage} `))] : []), text(e.told));
