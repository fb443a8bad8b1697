// A card with a title, its controls, what it shows as a table, and that to save.

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { t } from "../language";
import { overview } from "../model/study";
import { show } from "../model/numbers";
import { save } from "../model/source";
import { FONT, tone } from "../charts/look";

export interface Table {
  head: string[];
  rows: unknown[][];
}

interface Props {
  title: string;
  children: ComponentChildren;
  controls?: ComponentChildren;
  caption?: ComponentChildren;
  table?: () => Table;
  id?: string;
  long?: boolean;
  vector?: boolean; // all of it is drawn as SVG
}

const MOST_ROWS = 200; // of a table on the page; the files have all

export function Panel({ title, children, controls, caption, table, id, long, vector = false }: Props) {
  const node = useRef<HTMLElement>(null);
  const open = useSignal(false);
  return (
    <section class={long ? "card long" : "card"} ref={node} id={id} aria-label={title}>
      <div class="head">
        <h2>{title}</h2>
        {(controls || table) && <div class="controls">{controls}{table && <Save title={title} table={table} vector={vector} node={() => node.current!} />}</div>}
      </div>
      {children}
      {caption && <p class="caption">{caption}</p>}
      {table && (
        <details onToggle={(e) => { open.value = e.currentTarget.open; }}>
          <summary>{t("panel.table")}</summary>
          {open.value && <TableTwin table={table()} label={title} />}
        </details>
      )}
    </section>
  );
}

function TableTwin({ table, label }: { table: Table; label: string }) {
  const rows = table.rows.slice(0, MOST_ROWS);
  return (
    <div class="scroll tall" tabIndex={0} role="group" aria-label={label}>
      <table>
        <thead><tr>{table.head.map((h) => <th scope="col" key={h}>{h}</th>)}</tr></thead>
        <tbody>
          {rows.map((row, i) => <tr key={i}>{row.map((v, k) => <td key={k} class={typeof v === "number" ? "number" : ""}><span class="text">{show(v)}</span></td>)}</tr>)}
        </tbody>
      </table>
      {rows.length < table.rows.length && <p class="caption">{t("panel.more", rows.length, table.rows.length)}</p>}
    </div>
  );
}

function Save({ title, table, vector, node }: { title: string; table: () => Table; vector: boolean; node: () => HTMLElement }) {
  const name = () => `${overview.value?.study.name ?? "danlu"}-${title}`.replace(/[^\p{L}\p{N}.-]+/gu, "-").toLowerCase();
  const pick = (kind: string) => {
    if (kind === "csv") save(new Blob([csv(table())], { type: "text/csv" }), `${name()}.csv`);
    if (kind === "json") save(new Blob([json(table())], { type: "application/json" }), `${name()}.json`);
    if (kind === "svg") save(drawing(node(), title), `${name()}.svg`);
    if (kind === "png") void picture(node(), title).then((body) => body && save(body, `${name()}.png`));
  };
  return (
    <select
      class="save"
      aria-label={t("panel.save", title)}
      value=""
      onChange={(e) => { pick(e.currentTarget.value); e.currentTarget.value = ""; }}
    >
      <option value="" disabled hidden>⤓</option>
      <option value="png">PNG</option>
      {vector && <option value="svg">SVG</option>}
      <option value="csv">CSV</option>
      <option value="json">JSON</option>
    </select>
  );
}

const cell = (v: unknown): string => {
  const text = v === null || v === undefined ? "" : String(v);
  // A spreadsheet takes a text that begins like this for a formula.
  const safe = typeof v === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export const csv = ({ head, rows }: Table): string => [head, ...rows].map((r) => r.map(cell).join(",")).join("\n") + "\n";

const json = ({ head, rows }: Table): string =>
  JSON.stringify(rows.map((row) => Object.fromEntries(head.map((h, i) => [h, typeof row[i] === "number" && !Number.isFinite(row[i]) ? String(row[i]) : (row[i] ?? null)]))), null, 1);

// The charts of a panel as one picture at twice the size, with the title and the legend.
async function picture(node: HTMLElement, title: string): Promise<Blob | null> {
  const charts = [...node.querySelectorAll<HTMLElement>("canvas:not(.lit), svg.chart")];
  if (!charts.length) return null;
  const frame = node.getBoundingClientRect(), ratio = 2, topRoom = 34;
  const legend = [...node.querySelectorAll<HTMLElement>(".legend button")];
  const boxes = charts.map((c) => c.getBoundingClientRect());
  const y0 = Math.min(...boxes.map((b) => b.top)), y1 = Math.max(...boxes.map((b) => b.bottom));
  const canvas = document.createElement("canvas");
  canvas.width = frame.width * ratio;
  canvas.height = (y1 - y0 + topRoom + (legend.length ? 26 : 6)) * ratio;
  const ctx = canvas.getContext("2d")!;
  ctx.scale(ratio, ratio);
  ctx.fillStyle = tone("card");
  ctx.fillRect(0, 0, frame.width, canvas.height);
  ctx.fillStyle = tone("ink");
  ctx.font = `600 14px ${FONT.slice(5)}`;
  ctx.fillText(`${overview.value?.study.name ?? ""} · ${title}`, 12, 21);
  for (const [i, chart] of charts.entries()) {
    const b = boxes[i]!, image = chart instanceof HTMLCanvasElement ? chart : await drawn(chart);
    if (image) ctx.drawImage(image, b.left - frame.left, b.top - y0 + topRoom, b.width, b.height);
  }
  ctx.font = FONT;
  let x = 12;
  for (const item of legend) {
    const swatch = item.querySelector<HTMLElement>(".swatch"), words = item.textContent ?? "";
    ctx.fillStyle = swatch ? getComputedStyle(swatch).backgroundColor : tone("ink");
    ctx.fillRect(x, y1 - y0 + topRoom + 7, 11, 11);
    ctx.fillStyle = tone("ink");
    ctx.fillText(words, x + 16, y1 - y0 + topRoom + 17);
    x += ctx.measureText(words).width + 34;
    if (x > frame.width - 60) break;
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

const COPIED = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity", "stroke-opacity", "font-size", "font-weight", "font-family", "text-anchor", "dominant-baseline"];

// An SVG with its styles in it, since the page's style sheet does not go along.
function styled(svg: HTMLElement): SVGElement {
  const copy = svg.cloneNode(true) as SVGElement;
  const from = svg.querySelectorAll("*"), to = copy.querySelectorAll("*");
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    for (const k of COPIED) (to[i] as SVGElement).setAttribute(k, style.getPropertyValue(k)); // no style attribute: the policy forbids it
  });
  const b = svg.getBoundingClientRect();
  copy.setAttribute("width", String(b.width));
  copy.setAttribute("height", String(b.height));
  if (!copy.hasAttribute("viewBox")) copy.setAttribute("viewBox", `0 0 ${b.width} ${b.height}`);
  return copy;
}

// The drawings of a panel as one, with the title.
function drawing(node: HTMLElement, title: string): Blob {
  const charts = [...node.querySelectorAll<HTMLElement>("svg.chart")], boxes = charts.map((c) => c.getBoundingClientRect());
  const x0 = Math.min(...boxes.map((b) => b.left)), y0 = Math.min(...boxes.map((b) => b.top)) - 30;
  const width = Math.max(...boxes.map((b) => b.right)) - x0, height = Math.max(...boxes.map((b) => b.bottom)) - y0;
  const whole = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [k, v] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) whole.setAttribute(k, String(v));
  const back = document.createElementNS(whole.namespaceURI, "rect") as SVGElement, head = document.createElementNS(whole.namespaceURI, "text") as SVGElement;
  for (const [k, v] of Object.entries({ width, height, fill: tone("card") })) back.setAttribute(k, String(v));
  for (const [k, v] of Object.entries({ x: 8, y: 18, fill: tone("ink"), "font-size": 14, "font-weight": 600, "font-family": FONT.slice(5) })) head.setAttribute(k, String(v));
  head.textContent = `${overview.value?.study.name ?? ""} · ${title}`;
  whole.append(back, head);
  for (const [i, chart] of charts.entries()) {
    const copy = styled(chart), b = boxes[i]!;
    copy.setAttribute("x", String(b.left - x0));
    copy.setAttribute("y", String(b.top - y0));
    whole.append(copy);
  }
  return new Blob([new XMLSerializer().serializeToString(whole)], { type: "image/svg+xml" });
}

async function drawn(svg: HTMLElement): Promise<HTMLImageElement | null> {
  const copy = styled(svg), b = svg.getBoundingClientRect();
  copy.setAttribute("width", String(b.width * 2));
  copy.setAttribute("height", String(b.height * 2));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  return image.decode().then(() => image, () => null);
}
