// Where the data comes from: a live server, or the report file in which this script stands.

import { batch, signal } from "@preact/signals";
import { say, t } from "../language";
import * as study from "./study";
import type { News, Overview, Row, StudyList, Told, TrialDetail } from "./types";

export type Connection = "loading" | "live" | "polling" | "lost" | "refused" | "missing" | "file";

export const connection = signal<Connection>("loading");
export const trouble = signal("");
export const retryAt = signal(0);
export const heardAt = signal(0);
export const serverOffset = signal(0); // seconds that the server's clock is ahead of ours
export const list = signal<StudyList | null>(null);
export const frozen = signal(false); // the view stands still; data comes in when it goes on

const KEY = "danlu-token";
const POLL_MS = 2000;
const RETRY_MS = [1000, 2000, 4000, 8000, 15000];
const APPLY_MS = 250; // between two drawings of what came in
const ASLEEP_MS = 10000; // out of sight, after which a page listens no more
const QUIET_MS = 40000; // without any sign of life the line is taken for cut

// ---- the token: from the printed link into this tab, and never further than a header

export async function takeToken(): Promise<boolean> {
  const found = /^#(token|entry)=([\w-]+)(.*)$/.exec(location.hash);
  if (!found) return false;
  const before = sessionStorage.getItem(KEY);
  sessionStorage.setItem(KEY, found[2]!);
  history.replaceState(null, "", `${location.pathname}#${found[3]!.replace(/^&/, "")}`);
  if (found[1] === "entry") await enter(before);
  dispatchEvent(new HashChangeEvent("hashchange"));
  return true;
}

// The link of a browser that was opened holds a code, which is good once.
async function enter(before: string | null): Promise<void> {
  try {
    const answer = await ask("/entry", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } });
    sessionStorage.setItem(KEY, ((await answer.json()) as { token: string }).token);
  } catch { // used before: whoever asks with it is refused and told so, unless this tab has a token
    if (before) sessionStorage.setItem(KEY, before);
  }
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const token = sessionStorage.getItem(KEY) ?? "";
  const headers = { ...(init.headers as Record<string, string>), Authorization: `Bearer ${token}` };
  const answer = await fetch(`/api/v1${path}`, { ...init, headers, credentials: "omit", cache: "no-store" });
  if (answer.ok) return answer;
  const body = await answer.json().then((b: Reason) => b, () => ({ error: t("banner.odd", answer.status) }));
  throw new Refusal(answer.status, reasonOf(body));
}

interface Reason {
  error: string;
  told?: Told;
}

const reasonOf = ({ error, told }: Reason): string => (told ? say(told) : error);

export class Refusal extends Error {
  constructor(readonly status: number, reason: string) {
    super(reason);
  }
}

const of = (name: string): string => `/studies/${encodeURIComponent(name)}`;

export async function fetchList(): Promise<void> {
  try {
    list.value = (await (await ask("/studies")).json()) as StudyList;
    if (!following) connection.value = "polling";
  } catch (error) {
    note(error);
  }
}

export const fetchDetail = async (name: string, n: number): Promise<TrialDetail> =>
  (await (await ask(`${of(name)}/trials/${n}`)).json()) as TrialDetail;

export async function download(name: string, n: number, file: { id: string; path: string }): Promise<void> {
  const body = await (await ask(`${of(name)}/trials/${n}/files/${file.id}`)).blob();
  save(body, file.path.replaceAll("/", "_"));
}

export function save(body: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(body);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Leave a wish; a repeated click is the same wish.
export async function wish(name: string, verb: string, more: Record<string, unknown> = {}): Promise<string> {
  const body = JSON.stringify({ verb, key: crypto.randomUUID(), ...more });
  try {
    await ask(`${of(name)}/requests`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
    return "";
  } catch (error) {
    return wordsOf(error);
  }
}

// What the server said, or that it said nothing: the browser's own words are of one language.
export const wordsOf = (error: unknown): string => (error instanceof Refusal ? error.message : t("banner.silent"));

function note(error: unknown): void {
  trouble.value = wordsOf(error);
  connection.value = error instanceof Refusal && [401, 403, 421].includes(error.status) ? "refused" : "lost";
}

export function freeze(on: boolean): void {
  frozen.value = on;
  if (!on) following?.flush();
}

// ---- one study, live

let following: Follower | null = null;

export function follow(name: string): void {
  if (following?.name === name) return;
  following?.stop();
  study.clear();
  connection.value = "loading";
  following = new Follower(name);
  void following.run();
}

export function unfollow(): void {
  if (!following) return;
  following.stop();
  following = null;
  study.clear();
}

class Follower {
  private cursor = 0;
  private generation = "";
  private failures = 0;
  private over = new AbortController();
  private held: (() => void)[] = [];
  private appliedAt = 0;
  private applying = 0;

  constructor(readonly name: string) {}

  stop(): void {
    this.over.abort();
    clearTimeout(this.applying);
    this.held = []; // what came is of a study that is no longer looked at
  }

  async run(): Promise<void> {
    while (!this.over.signal.aborted) {
      await inSight();
      if (this.over.signal.aborted) return;
      try {
        await this.load();
        await this.listen();
        this.failures = 0;
      } catch (error) {
        if (this.over.signal.aborted) return;
        if (document.hidden) continue; // it fell asleep
        note(error);
        if (connection.value === "refused") return;
        if (error instanceof Refusal && error.status === 404) {
          connection.value = "missing";
          return;
        }
      }
      const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]!;
      retryAt.value = Date.now() + wait;
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  // The overview first, then the trials page by page, the best and the running ones first.
  private async load(): Promise<void> {
    this.apply(); // what is held lies before the cursor
    const first = (await (await ask(of(this.name), { signal: this.over.signal })).json()) as Overview;
    if (first.generation !== this.generation) {
      this.cursor = 0;
      this.generation = first.generation ?? "";
    }
    study.setOverview(first);
    serverOffset.value = (first.now ?? 0) - Date.now() / 1000;
    let limit = 60;
    for (;;) {
      const path = `${of(this.name)}/trials?since=${this.cursor}&limit=${limit}`;
      const news = (await (await ask(path, { signal: this.over.signal })).json()) as News;
      if (!study.addNews(news)) throw new Error("the study began anew");
      this.cursor = news.next;
      heardAt.value = Date.now();
      if (!news.more) return;
      limit = 500;
    }
  }

  private async listen(): Promise<void> {
    let answer: Response;
    try {
      const headers = { "Last-Event-ID": `${this.generation}:${this.cursor}` };
      answer = await ask(`${of(this.name)}/events`, { headers, signal: this.over.signal });
    } catch (error) {
      if (error instanceof Refusal && error.status === 503) return this.poll();
      throw error;
    }
    connection.value = "live";
    trouble.value = "";
    await this.read(answer.body!.getReader());
    throw new Error("the connection was closed");
  }

  private async read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    let asleep = 0;
    const watch = () => {
      clearTimeout(asleep);
      if (document.hidden) asleep = window.setTimeout(() => void reader.cancel(), ASLEEP_MS);
      else this.flush();
    };
    document.addEventListener("visibilitychange", watch);
    watch();
    try {
      await this.readAll(reader);
    } finally {
      clearTimeout(asleep);
      document.removeEventListener("visibilitychange", watch);
    }
  }

  private async readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const timer = setTimeout(() => void reader.cancel(), QUIET_MS);
      const { value, done } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      heardAt.value = Date.now();
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) this.hear(block);
    }
  }

  private hear(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
    const kind = field("event"), data = field("data");
    if (kind === "trials") {
      const news = JSON.parse(data) as News;
      this.cursor = news.next;
      this.take(() => { if (!study.addNews(news)) this.restart(); });
    } else if (kind === "overview") {
      const parsed = JSON.parse(data) as Overview;
      this.take(() => study.setOverview(parsed));
    } else if (kind === "reset") {
      this.restart();
    } else if (kind === "trouble") {
      trouble.value = reasonOf(JSON.parse(data) as Reason);
    }
  }

  private take(apply: () => void): void {
    if (this.over.signal.aborted) return;
    this.held.push(apply);
    if (this.applying) return;
    const wait = this.appliedAt + APPLY_MS - performance.now();
    if (wait <= 0) this.flush();
    else this.applying = window.setTimeout(() => this.flush(), wait);
  }

  // Show what came, unless the view stands still or nobody sees it.
  flush(): void {
    clearTimeout(this.applying);
    this.applying = 0;
    if (!frozen.value && !document.hidden) this.apply();
  }

  private apply(): void {
    this.appliedAt = performance.now();
    batch(() => { for (const one of this.held.splice(0)) one(); });
  }

  private restart(): void {
    this.stop();
    following = null;
    follow(this.name);
  }

  // Where a stream cannot be had: ask again and again.
  private async poll(): Promise<void> {
    connection.value = "polling";
    while (!this.over.signal.aborted) {
      await new Promise((done) => setTimeout(done, POLL_MS));
      if (!document.hidden && !frozen.value) await this.load();
    }
  }
}

// Resolves at once where the page is in sight, else when it comes into sight.
async function inSight(): Promise<void> {
  while (document.hidden) await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
}

// ---- the report file

export function readFile(): boolean {
  const node = document.getElementById("data");
  if (!node?.textContent) return false;
  const { trials: rows, ...rest } = JSON.parse(node.textContent) as Overview & { trials: Row[] };
  for (const row of rows) study.addRow(row);
  study.setOverview({ ...rest, count: rows.length });
  study.revision.value++;
  connection.value = "file";
  return true;
}

export const canAct = (): boolean => connection.value !== "file" && list.value?.role === "control";
