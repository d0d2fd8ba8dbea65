// Small pictures of fifteen minutes on a canvas: an area for the rate with what failed of it, two lines for latencies.

import { POINTS } from "./series.js";

let colours = null;

/** Canvases need colours as numbers: what a variable means in the theme in force is read off an element. */
function palette() {
  if (colours) return colours;
  const probe = document.createElement("i");
  document.body.append(probe);
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  colours = { accent: read("accent"), soft: read("accent-soft"), out: read("out"), slow: read("slow"), line: read("line"), muted: read("muted") };
  probe.remove();
  return colours;
}

export const forgetColours = () => { colours = null; };

function prepare(canvas) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const width = (canvas.boxWidth ??= canvas.clientWidth) || 120;
  const height = (canvas.boxHeight ??= canvas.clientHeight) || 30;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

function top(values, least) {
  let most = least;
  for (const value of values) if (value > most) most = value;
  return most * 1.08;
}

const across = (index, width) => (index / (POINTS - 1)) * (width - 2) + 1;

function base(pen, width, height) {
  pen.strokeStyle = palette().line;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(0, height - 0.5);
  pen.lineTo(width, height - 0.5);
  pen.stroke();
}

/** Where there is no value, the line is broken. */
function line(pen, values, width, height, most, colour, thick) {
  pen.strokeStyle = colour;
  pen.lineWidth = thick;
  pen.lineJoin = "round";
  pen.beginPath();
  let down = false;
  for (let index = 0; index < POINTS; index += 1) {
    const value = values[index];
    if (Number.isNaN(value)) { down = false; continue; }
    const [x, y] = [across(index, width), height - 1.5 - (value / most) * (height - 3)];
    if (down) pen.lineTo(x, y);
    else { pen.moveTo(x, y); pen.lineTo(x + 0.6, y); }
    down = true;
  }
  pen.stroke();
}

export function drawRate(canvas, series) {
  const { pen, width, height } = prepare(canvas);
  base(pen, width, height);
  if (!series) return;
  const { accent, soft, out } = palette();
  const most = top(series.rate, 0.5);
  const area = (values, fill) => {
    pen.fillStyle = fill;
    pen.beginPath();
    pen.moveTo(across(0, width), height - 1);
    for (let index = 0; index < POINTS; index += 1) {
      pen.lineTo(across(index, width), height - 1 - ((values(index) || 0) / most) * (height - 3));
    }
    pen.lineTo(across(POINTS - 1, width), height - 1);
    pen.fill();
  };
  area((index) => series.rate[index], soft);
  line(pen, series.rate, width, height, most, accent, 1.3);
  area((index) => series.rate[index] * series.errors[index], out);
}

export function drawLatency(canvas, series) {
  const { pen, width, height } = prepare(canvas);
  base(pen, width, height);
  if (!series) return;
  const { accent, slow } = palette();
  const most = top(series.p99, 1);
  line(pen, series.p99, width, height, most, slow, 1.2);
  line(pen, series.p50, width, height, most, accent, 1.5);
}

/** After a change of the window: sizes are read anew. */
export function forgetSize(canvas) {
  canvas.boxWidth = canvas.boxHeight = undefined;
}
