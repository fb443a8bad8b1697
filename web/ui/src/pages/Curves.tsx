// The curves at full height, or the best trials side by side.

import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { t } from "../language";
import { asked } from "../model/route";
import { Toggle } from "../parts/common";
import { CurvesPanel } from "../parts/CurvesPanel";
import { Multiples } from "../parts/Multiples";
import { compiled, set } from "../parts/view";

export function Curves() {
  const height = useSignal(room());
  useEffect(() => {
    const fit = () => { height.value = room(); };
    addEventListener("resize", fit);
    return () => removeEventListener("resize", fit);
  }, []);
  const many = asked("many") === "1";
  return (
    <>
      {many && <div class="controls above"><Toggle on label={t("curves.many")} title="m" act={() => set("many", false)} /></div>}
      {compiled.value.error && <p class="problem" role="alert">{t("filter.problem", compiled.value.error)}</p>}
      {many ? <Multiples count={24} height={150} /> : <CurvesPanel height={height.value} full />}
    </>
  );
}

const room = (): number => Math.max(320, innerHeight - 356);
