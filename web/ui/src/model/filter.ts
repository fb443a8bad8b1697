// Filter expressions over trials: val_loss < 0.1 and (lr > 1e-3 or optimizer == adam) and not state == failed
// A small grammar of our own, read into functions; nothing is ever evaluated as code.
//
//   either = both { "or" both }      both = one { "and" one }
//   one    = "not" one | "(" either ")" | word [ relation word ]
//   a word alone is searched in number, stage, state, cause and config

import { say } from "../language";
import { lastOf, type Trial } from "./study";

export type Test = (t: Trial) => boolean;

const TOKEN = /\s*(?:(<=|>=|==|!=|=|<|>|~|\(|\))|"([^"]*)"|'([^']*)'|([^\s()<>=!~]+))/y;
const RELATIONS = ["<=", ">=", "==", "!=", "=", "<", ">", "~"];

interface Token {
  text: string;
  word: boolean;
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex, m = TOKEN.exec(text);
    if (!m) throw new Error(text.slice(at, at + 8));
    found.push(m[1] ? { text: m[1], word: false } : { text: m[2] ?? m[3] ?? m[4] ?? "", word: true });
  }
  return found;
}

export function compile(text: string): { test: Test | null; error: string } {
  if (!text.trim()) return { test: () => true, error: "" };
  try {
    const list = tokens(text);
    const reader = new Reader(list);
    const test = reader.either();
    if (!reader.done) throw new Error(list[reader.at]!.text);
    return { test, error: "" };
  } catch (error) {
    return { test: null, error: error instanceof Error ? error.message : String(error) };
  }
}

class Reader {
  at = 0;

  constructor(private list: Token[]) {}

  get done(): boolean {
    return this.at >= this.list.length;
  }

  private peek(word: string): boolean {
    return this.list[this.at]?.text.toLowerCase() === word;
  }

  private next(): Token {
    const token = this.list[this.at++];
    if (!token) throw new Error("…");
    return token;
  }

  either(): Test {
    let left = this.both();
    while (this.peek("or")) {
      this.at++;
      const a = left, b = this.both();
      left = (t) => a(t) || b(t);
    }
    return left;
  }

  private both(): Test {
    let left = this.one();
    while (!this.done && !this.peek("or") && !this.peek(")")) {
      if (this.peek("and")) this.at++;
      const a = left, b = this.one();
      left = (t) => a(t) && b(t);
    }
    return left;
  }

  private one(): Test {
    if (this.peek("not")) {
      this.at++;
      const inner = this.one();
      return (t) => !inner(t);
    }
    const token = this.next();
    if (token.text === "(" && !token.word) {
      const inner = this.either();
      if (!this.peek(")")) throw new Error("( … )");
      this.at++;
      return inner;
    }
    if (!token.word) throw new Error(token.text);
    const relation = this.list[this.at];
    if (!relation || relation.word || !RELATIONS.includes(relation.text)) return search(token.text);
    this.at++;
    const right = this.next();
    if (!right.word) throw new Error(right.text);
    return compare(token.text, relation.text, right.text);
  }
}

// A field of a trial: its own, a parameter, or the last value of a metric.
export function field(t: Trial, name: string): number | string | boolean | null {
  switch (name) {
    case "n": case "number": case "trial": return t.n;
    case "state": case "stage": case "cause": case "value": case "epoch": case "until": case "seconds": case "attempt": case "seed": return t[name];
    case "diverged": return t.diverged;
  }
  if (Object.hasOwn(t.config, name)) return t.config[name]!;
  return lastOf(t, name)?.value ?? null;
}

function compare(name: string, relation: string, text: string): Test {
  const wanted = text.trim() !== "" && !Number.isNaN(Number(text)) ? Number(text) : null;
  return (t) => {
    const v = field(t, name);
    if (relation === "~") return String(v).toLowerCase().includes(text.toLowerCase());
    const same = wanted !== null && typeof v === "number" ? v === wanted : String(v).toLowerCase() === text.toLowerCase();
    if (relation === "==" || relation === "=") return same;
    if (relation === "!=") return !same;
    if (typeof v !== "number" || wanted === null) return false;
    return relation === "<" ? v < wanted : relation === "<=" ? v <= wanted : relation === ">" ? v > wanted : v >= wanted;
  };
}

function search(word: string): Test {
  const small = word.toLowerCase();
  return (t) =>
    String(t.n) === small ||
    [t.state, t.stage, t.cause, say(t.message), say(t.why), ...Object.entries(t.config).map(([k, v]) => `${k}=${v}`)].some((s) => s.toLowerCase().includes(small));
}
