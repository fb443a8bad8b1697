// The page: which part of it is shown, what it listens to, and keys.

import "uplot/dist/uPlot.min.css";
import "./style.css";
import { render, type ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { effect } from "@preact/signals";
import { lang, speak, t } from "./language";
import { route } from "./model/route";
import { connection, fetchList, follow, list, readFile, takeToken, trouble, unfollow } from "./model/source";
import { all, loaded, overview } from "./model/study";
import { setTheme, theme } from "./charts/look";
import { tip } from "./charts/describe";
import { Banner, Header } from "./parts/Header";
import { Help, listenToKeys } from "./parts/Keys";
import { Curves } from "./pages/Curves";
import { FindingsPage } from "./pages/FindingsPage";
import { Overview } from "./pages/Overview";
import { Parameters } from "./pages/Parameters";
import { Settings } from "./pages/Settings";
import { Stages } from "./pages/Stages";
import { Studies } from "./pages/Studies";
import { TrialPage } from "./pages/TrialPage";
import { Trials } from "./pages/Trials";

function Page() {
  const { study, page, trial } = route.value;
  if (connection.value === "refused") return <Nothing title={t("refused.title")} advice={t("refused.advice")} />;
  if (connection.value === "missing") return <Nothing title={t("missing.title")} advice={<a href="#/">{t("missing.advice")}</a>} />;
  if (!study && connection.value !== "file") return <Studies />;
  if (!overview.value) return <Loading />;
  if (trial !== null) return all.value.length < loaded.value.of && !all.value.some((x) => x.n === trial) ? <Loading /> : <TrialPage n={trial} key={trial} />;
  switch (page) {
    case "curves": return <Curves />;
    case "parameters": return <Parameters />;
    case "trials": return <Trials />;
    case "stages": return <Stages />;
    case "findings": return <FindingsPage />;
    case "settings": return <Settings />;
    default: return <Overview />;
  }
}

function Loading() {
  const { have, of } = loaded.value;
  return (
    <div class="loading" role="status">
      <p>{connection.value === "lost" ? t("banner.lost", trouble.value, 0) : of ? t("connection.loading", have, of) : t("connection.waiting")}</p>
      <div class="skeleton figures"><i /><i /><i /><i /></div>
      <div class="skeleton chart"><i /></div>
    </div>
  );
}

// Where there is nothing to look at: why, and what to do.
function Nothing({ title, advice }: { title: string; advice: ComponentChildren }) {
  return (
    <section class="card">
      <div class="empty">
        <p><strong>{title}</strong></p>
        <p class="text">{trouble.value}</p>
        <p class="soft">{advice}</p>
      </div>
    </section>
  );
}

function Tip() {
  const shown = tip.value;
  if (!shown) return null;
  const left = shown.x + 16 + 260 > innerWidth ? Math.max(8, shown.x - 250) : shown.x + 16;
  return (
    <div class="tip" style={{ left: `${left}px`, top: `${Math.max(8, Math.min(shown.y + 14, innerHeight - 190))}px` }}>
      <div class="title">{shown.title}</div>
      <dl>{shown.rows.map(([k, v]) => <><dt>{k}</dt><dd>{v}</dd></>)}</dl>
      {shown.hint && <div class="hint">{shown.hint}</div>}
    </div>
  );
}

function App() {
  useEffect(() => effect(() => {
    const study = route.value.study ?? overview.value?.study.name;
    document.title = study ? `${study} · danlu` : "danlu";
  }), []);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById("main")?.focus(); }}>{t("skip")}</a>
      <Header />
      <Banner />
      <main id="main" tabIndex={-1} key={lang.value} data-page={route.value.trial ?? route.value.page}><Page /></main>
      <Help />
      <Tip />
    </>
  );
}

// Paper is white, whatever the screen is.
function printInLight(): void {
  let before = theme.value;
  addEventListener("beforeprint", () => {
    before = theme.value;
    setTheme("light", false);
  });
  addEventListener("afterprint", () => setTheme(before, false));
}

async function start(): Promise<void> {
  setTheme(theme.value, false);
  speak(lang.value);
  listenToKeys();
  if (!readFile()) {
    await takeToken();
    addEventListener("hashchange", () => void takeToken().then((taken) => { if (taken) location.reload(); })); // a new link in an open tab
    void fetchList();
    effect(() => {
      const { study } = route.value;
      if (study) follow(study);
      else {
        unfollow();
        void fetchList();
      }
    });
    const ask = () => { if (!route.value.study && connection.value !== "refused" && !document.hidden) void fetchList(); };
    setInterval(ask, 3000);
    effect(() => { if (list.value?.studies.some((s) => s.state === "reading")) setTimeout(ask, 500); });
  }
  printInLight();
  render(<App />, document.getElementById("app")!);
}

void start();
