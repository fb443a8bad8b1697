// Every trial as a row: sortable, filterable, with causes, messages and findings to unfold.

const PAGE = 200; // rows shown at once; more on demand

function columns() {
  const fixed = [
    { id: "trial", get: (t) => t.n, number: true },
    { id: "state", get: (t) => t.state },
    ...(trials.some((t) => t.stage) ? [{ id: "stage", get: (t) => t.stage }] : []),
    { id: data.study.metric, get: (t) => t.value, number: true, merit: true },
    ...(anyFan ? [{ id: "predicted", get: (t) => t.fan?.at(-1)[2] ?? null, words: (t) => (t.fan ? interval(t.fan.at(-1)) : "–"), number: true, better: true }] : []),
    { id: "epochs", get: (t) => t.epoch, words: (t) => (t.epoch < t.until ? `${t.epoch} of ${t.until}` : String(t.epoch)), number: true },
    ...(trials.some((t) => t.proxy) ? [{ id: "trained on", get: (t) => t.proxy || "all data" }] : []),
  ];
  const parameters = data.names.map((name) => ({
    id: name, parameter: true, get: (t) => (has(t, name) ? t.config[name] : null),
    number: trials.every((t) => !has(t, name) || typeof t.config[name] === "number"),
  }));
  return [...fixed, ...parameters,
    { id: "why", get: (t) => t.why, why: true },
    { id: "seconds", get: (t) => t.seconds, number: true },
    { id: "seed", get: (t) => t.seed, words: (t) => String(t.seed), number: true }];
}

const words = (column, t) => (column.words ? column.words(t) : show(column.get(t)));

// Missing values go last whatever the direction.
function compare(column, down) {
  const sign = down ? -1 : 1;
  return (a, b) => {
    const x = column.get(a), y = column.get(b);
    const missing = (x === null || x === "") - (y === null || y === "");
    if (missing) return missing;
    const step = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
    return sign * step || a.n - b.n;
  };
}

// Words must all occur in the row; `lr>1e-3`, `state=failed`, `value<=0.1` compare a column.
function matcher(query, list) {
  const tests = query.trim().split(/\s+/).filter(Boolean).map((word) => {
    const parts = /^(.+?)(<=|>=|!=|=|<|>)(.*)$/u.exec(word);
    const column = parts && list.find((c) => c.id === parts[1] || (parts[1] === "value" && c.merit));
    return column ? comparison(column, parts[2], parts[3]) : containing(word, list);
  });
  return (t) => tests.every((test) => test(t));
}

function containing(word, list) {
  const wanted = word.toLocaleLowerCase();
  return (t) => [...list.map((c) => words(c, t)), t.cause, t.message].some((w) => w.toLocaleLowerCase().includes(wanted));
}

function comparison(column, sign, given) {
  const wanted = Number(given);
  const same = (t) => {
    const v = column.get(t);
    return typeof v === "number" && given !== "" && !Number.isNaN(wanted) ? v === wanted || show(v) === given : String(v ?? "none") === given;
  };
  if (sign === "=") return same;
  if (sign === "!=") return (t) => !same(t);
  const order = { "<": (v) => v < wanted, "<=": (v) => v <= wanted, ">": (v) => v > wanted, ">=": (v) => v >= wanted }[sign];
  return (t) => column.get(t) !== null && typeof column.get(t) === "number" && order(column.get(t));
}

function stateCell(t) {
  return el("span", { class: `state ${t.state}` }, t.state + (t.cause ? `: ${t.cause}` : ""));
}

function cell(column, t) {
  if (column.id === "state") return el("td", { class: "clip" }, stateCell(t));
  const node = el("td", { class: column.why ? "why" : column.number ? "number" : "clip" });
  if (column.id === "trial") {
    const mark = el("span", { class: "mark" });
    mark.style.background = hue(t.n) ?? "transparent";
    node.append(mark);
  }
  node.append(text(words(column, t)));
  if (column.parameter && typeof column.get(t) === "number") node.title = String(column.get(t));
  return node;
}

function detailsOf(t) {
  const parts = [];
  if (t.message) parts.push(el("p", {}, text(t.message)));
  for (const f of t.findings) parts.push(el("p", {}, el("strong", {}, `${f.severity}: `), text(f.message)));
  if (t.log.trim()) parts.push(el("pre", { tabindex: "0" }, t.log));
  const facts = [`attempt ${t.attempt}`, `seed ${t.seed}`, ...(t.value === null ? [] : [`best at epoch ${t.at} of ${t.epoch}`])];
  const exact = Object.entries(t.config).map(([k, v]) => `${k} = ${v}`).join("   ");
  parts.push(el("p", { class: "caption" }, facts.join(" · ")), el("p", { class: "caption mono" }, text(exact)));
  return el("div", { class: "details" }, ...parts);
}

function trialRow(t, list) {
  const row = el("tr", { class: "trial", id: `trial-${t.n}`, "data-n": String(t.n), tabindex: "0", "aria-expanded": "false" }, ...list.map((c) => cell(c, t)));
  const unfold = () => {
    const open = row.getAttribute("aria-expanded") === "true";
    row.setAttribute("aria-expanded", String(!open));
    if (open) row.nextSibling.remove();
    else row.after(el("tr", {}, el("td", { colspan: String(list.length) }, detailsOf(t))));
  };
  row.addEventListener("click", () => { if (!getSelection().toString()) unfold(); });
  row.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); unfold(); } });
  row.addEventListener("pointerenter", () => light(t.n));
  row.addEventListener("focus", () => light(t.n));
  return row;
}

function tableCard() {
  const list = columns();
  const state = { column: list.find((c) => c.merit), down: false, merit: true, query: "", only: "", shown: PAGE };
  const body = el("tbody");
  const count = el("p", { class: "caption", role: "status" });
  const more = el("button", { type: "button" });
  const heads = list.map((column) => headCell(column, state, () => fill()));
  const fill = () => {
    const kept = trials.filter((t) => !state.only || t.state === state.only).filter(matcher(state.query, list));
    const sorted = state.merit ? byMerit(kept) : kept.sort(compare(state.column, state.down));
    body.replaceChildren(...sorted.slice(0, state.shown).map((t) => trialRow(t, list)));
    count.textContent = `${kept.length} of ${trials.length} trials${state.merit ? ", best first" : ""}. Select a row for its messages, findings and exact values.`;
    more.hidden = sorted.length <= state.shown;
    more.textContent = `Show the other ${sorted.length - state.shown}`;
    heads.forEach((th, i) => sortMark(th, list[i], state));
  };
  more.addEventListener("click", () => { state.shown = Infinity; fill(); });
  listen((patch) => {
    if ("pinned" in patch || "theme" in patch) fill();
    for (const row of body.querySelectorAll("tr.trial.lit, tr.trial[data-n]")) row.classList.toggle("lit", Number(row.dataset.n) === view.lit);
  });
  body.addEventListener("pointerleave", () => light(null));
  fill();
  const scroll = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "All trials" },
    el("table", {}, el("thead", {}, el("tr", {}, ...heads)), body));
  return el("section", { class: "card long trials", id: "trials" },
    el("div", { class: "head" }, el("h2", {}, "Trials"), ...filters(state, fill)), scroll, count, more);
}

function headCell(column, state, fill) {
  const button = el("button", { type: "button" }, text(column.id));
  button.addEventListener("click", () => {
    state.down = state.column === column && !state.merit ? !state.down : column.merit || column.better ? data.study.direction === "max" : false;
    Object.assign(state, { column, merit: false });
    fill();
  });
  return el("th", { class: column.number ? "number" : "", scope: "col" }, button);
}

function sortMark(th, column, state) {
  const on = !state.merit && state.column === column;
  if (on) th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
  else th.removeAttribute("aria-sort");
  th.firstChild.replaceChildren(text(column.id), on ? (state.down ? " ↓" : " ↑") : "");
}

function filters(state, fill) {
  const box = el("input", { type: "search", class: "filter", id: "filter", placeholder: "Filter: adam  lr>1e-3  epochs>=10", "aria-label": "Filter trials by words or comparisons" });
  box.addEventListener("input", () => { state.query = box.value; fill(); });
  const states = [...new Set(trials.map((t) => t.state))].sort();
  const select = el("select", { id: "state", "aria-label": "State" }, el("option", { value: "" }, "all states"),
    ...states.map((s) => el("option", { value: s }, s)));
  select.addEventListener("change", () => { state.only = select.value; fill(); });
  return [box, select];
}
