// The chart of learning curves as a part of a page: made, told of news, and taken away.

import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { revision } from "../model/study";
import { Chart, type Props } from "./chart";
import { lit, theme } from "./look";

export function CurveChart(props: Props) {
  const node = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const made = useSignal(0);
  useEffect(() => {
    chart.current = new Chart(node.current!, props);
    const watch = new ResizeObserver(() => chart.current?.size());
    watch.observe(node.current!);
    made.value++;
    return () => {
      watch.disconnect();
      chart.current?.destroy();
      chart.current = null;
    };
  }, [theme.value, props.height, props.small]);
  useEffect(() => chart.current?.update(props));
  useEffect(() => {
    const stops = [revision.subscribe(() => chart.current?.hear()), lit.subscribe(() => chart.current?.paintLit())];
    return () => stops.forEach((stop) => stop());
  }, []);
  return <div class={props.small ? "chart small" : "chart"} ref={node} style={{ height: `${props.height}px` }} />;
}
