import uPlot from "uplot";
import type { Series } from "./time-chart.tsx";

interface Drawing {
  atMs: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  marks: readonly number[];
  height: number;
  language: string;
}

/** Draws into `box` and follows its width; the answer takes it away again. */
export function drawChart(box: HTMLElement, drawing: Drawing): () => void {
  const probe = box.appendChild(document.createElement("span"));
  // a canvas knows no variables: the browser is asked what the name comes to
  const colour = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const font = `11px ${getComputedStyle(box).fontFamily}`;
  const ratio = uPlot.pxRatio;
  const axis = {
    font,
    stroke: colour("--text-soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const span = (drawing.atMs.at(-1) ?? 0) - (drawing.atMs[0] ?? 0);
  const time = new Intl.DateTimeFormat(
    drawing.language,
    span > 2 * 86_400_000
      ? { month: "numeric", day: "numeric" }
      : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  );
  const plot = new uPlot(
    {
      width: Math.max(200, box.clientWidth),
      height: drawing.height,
      ms: 1,
      legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: { points: { size: 6 }, drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
      axes: [
        { ...axis, space: 64, size: 28, values: (_, splits) => splits.map((at) => time.format(at)) },
        { ...axis, size: 52, values: (_, splits) => splits.map((value) => drawing.format(value)) },
      ],
      series: [
        {},
        ...drawing.series.map((one) => ({
          label: one.label,
          stroke: colour(one.colour),
          width: 1.75,
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: {
        draw: [
          (drawn) => {
            drawn.ctx.save();
            drawn.ctx.strokeStyle = colour("--text-soft");
            drawn.ctx.setLineDash([3 * ratio, 3 * ratio]);
            for (const mark of drawing.marks) {
              const x = drawn.valToPos(mark, "x", true);
              drawn.ctx.beginPath();
              drawn.ctx.moveTo(x, drawn.bbox.top);
              drawn.ctx.lineTo(x, drawn.bbox.top + drawn.bbox.height);
              drawn.ctx.stroke();
            }
            drawn.ctx.restore();
          },
        ],
      },
    },
    [[...drawing.atMs], ...drawing.series.map(({ values }) => [...values])],
    box,
  );
  const sized = new ResizeObserver(() =>
    plot.setSize({ width: Math.max(200, box.clientWidth), height: drawing.height }),
  );
  sized.observe(box);
  return () => {
    sized.disconnect();
    plot.destroy();
    probe.remove();
  };
}
