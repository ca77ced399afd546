// Panels: the curves of one group of signals, with a cursor that moves. Curves are drawn anew only when the group, the
// window or the size changes; a frame moves the cursor and writes the values beside it.
import { Track } from "./track.js";

const COLOURS = ["x", "y", "z", "more-1", "more-2", "more-3"], FOOT = 16;

export class Panels {
  constructor(scenes, buffer, colour, seek) {
    this.scenes = scenes;
    this.colour = colour;
    this.seek = seek;
    this.place = document.getElementById("panels");
    this.choice = document.getElementById("group");
    this.span = document.getElementById("span");
    this.curves = scenes.map(scene => scene.signals.map(signal => ({ ...signal, track: new Track(signal.track, buffer), rate: scene.rate })));
    const groups = [...new Set(this.curves.flat().map(signal => signal.group))];
    this.choice.append(...groups.map(group => new Option(group, group)));
    // side by side, what both have is what is to be compared
    const common = groups.find(group => this.curves.every(signals => signals.some(signal => signal.group === group)));
    if (common) this.choice.value = common;
    this.choice.addEventListener("change", () => this.build());
    this.span.addEventListener("change", () => this.draw(this.seconds));
    this.duration = scenes[0].frames / scenes[0].rate;
    if (this.duration > 15) this.span.value = "4";
    this.seconds = scenes[0].begin / scenes[0].rate;
    this.panels = [];
    this.sizes = new ResizeObserver(() => this.draw(this.seconds));
    this.build();
  }

  get any() { return this.choice.options.length > 0; }

  build() {
    this.sizes.disconnect();
    const group = this.choice.value, names = [...new Set(this.curves.flat().filter(signal => signal.group === group).map(signal => signal.name))];
    this.panels = names.map(name => this.panel(this.curves.map(signals => signals.find(signal => signal.group === group && signal.name === name))));
    this.place.replaceChildren(...this.panels.map(panel => panel.element));
    this.panels.forEach(panel => this.sizes.observe(panel.box));
    this.draw(this.seconds);
  }

  panel(signals) {
    const first = signals.find(signal => signal), element = make("div", "panel"), title = make("h2"), values = make("div", "values");
    title.append(first.name, make("small", "", first.unit + (signals[1] ? ", dashed: the second" : "")));
    const cells = first.channels.map((channel, i) => {
      const cell = make("span"), value = make("b");
      cell.append(`${channel} `, value);
      cell.style.color = this.css(i);
      values.append(cell);
      return value;
    });
    const box = make("div", "curves"), canvas = make("canvas"), cursor = make("i");
    box.append(canvas, cursor);
    element.append(title, values, box);
    box.addEventListener("pointerdown", event => {
      const go = e => this.seek(this.window[0] + (e.clientX - box.getBoundingClientRect().left) / box.clientWidth * (this.window[1] - this.window[0]));
      go(event);
      box.setPointerCapture(event.pointerId);
      box.onpointermove = go;
      box.onpointerup = () => { box.onpointermove = null; };
    });
    return { element, box, canvas, cursor, cells, signals, first };
  }

  css(i) { return `var(--${COLOURS[i % COLOURS.length]})`; }

  // The stretch of time that is shown: a page of the chosen length that holds the cursor.
  page(seconds) {
    const span = +this.span.value;
    if (!span || span >= this.duration) return [0, this.duration];
    const number = Math.floor(seconds / span);
    return [number * span, (number + 1) * span];
  }

  draw(seconds) {
    this.window = this.page(seconds);
    for (const panel of this.panels) this.drawCurves(panel);
    this.move(seconds);
  }

  move(seconds) {
    this.seconds = seconds;
    if (!this.window || seconds < this.window[0] || seconds > this.window[1]) return this.draw(seconds);
    const share = (seconds - this.window[0]) / (this.window[1] - this.window[0]);
    for (const panel of this.panels) {
      panel.cursor.style.transform = `translateX(${(share * panel.width - 0.75).toFixed(1)}px)`;
      const track = panel.first.track, frame = Math.min(Math.max(Math.floor(seconds * panel.first.rate + 0.5), 0), track.frames - 1);
      panel.cells.forEach((cell, i) => {
        const text = written(track.at(frame, 0, i));
        if (cell.textContent !== text) cell.textContent = text;
      });
    }
    return undefined;
  }

  drawCurves(panel) {
    const width = panel.box.clientWidth, height = panel.box.clientHeight, scale = Math.min(window.devicePixelRatio, 2);
    panel.width = width;
    if (!width || !height) return;
    panel.canvas.width = width * scale;
    panel.canvas.height = height * scale;
    const pen = panel.canvas.getContext("2d"), [from, to] = this.window, high = height - FOOT;
    pen.scale(scale, scale);
    const range = extent(panel.signals), unit = tick(range[1] - range[0], Math.max(Math.floor(high / 34), 2));
    const x = seconds => (seconds - from) / (to - from) * width, y = value => 4 + (range[1] - value) / (range[1] - range[0]) * (high - 8);
    pen.font = "11px system-ui, sans-serif";
    pen.lineWidth = 1;
    for (let k = Math.ceil(range[0] / unit); k * unit <= range[1]; k++) {
      line(pen, 0, y(k * unit), width, y(k * unit), this.colour("grid", true));
      pen.fillStyle = this.colour("soft", true);
      pen.fillText(written(k * unit, unit), 2, y(k * unit) - 3);
    }
    const step = tick(to - from, Math.max(Math.floor(width / 70), 2));
    for (let k = Math.ceil(from / step); k * step <= to + 1e-9; k++) {
      pen.textAlign = k * step > to - step / 3 ? "right" : k * step < from + step / 3 ? "left" : "center";
      pen.fillText(`${written(k * step, step)} s`, x(k * step), height - 3);
    }
    pen.textAlign = "left";
    for (const event of this.scenes[0].events) {
      if (event.time >= from && event.time <= to) line(pen, x(event.time), 4, x(event.time), high, this.colour(event.foot, true), event.kind === "foot_strike" ? [] : [2, 3], 0.45);
    }
    panel.signals.forEach((signal, number) => signal && signal.channels.forEach((channel, i) => {
      const own = panel.first.channels.indexOf(channel), hue = COLOURS[(own < 0 ? i : own) % COLOURS.length];
      this.curve(pen, signal, i, this.colour(hue, true), number ? [5, 4] : [], x, y, width);
    }));
  }

  // With more samples than pixels a column shows their least and greatest value, so that no peak is lost.
  curve(pen, signal, channel, hue, dash, x, y, width) {
    const { track, rate } = signal, [from, to] = this.window;
    const first = Math.max(Math.floor(from * rate), 0), last = Math.min(Math.ceil(to * rate), track.frames - 1);
    const each = Math.max(Math.floor((last - first) / width / 1.5), 1);
    pen.beginPath();
    let drawing = false;
    for (let frame = first; frame <= last; frame += each) {
      let low = Infinity, high = -Infinity, lowAt = frame, highAt = frame;
      for (let k = frame; k < Math.min(frame + each, last + 1); k++) {
        const value = track.at(k, 0, channel);
        if (value < low) { low = value; lowAt = k; }
        if (value > high) { high = value; highAt = k; }
      }
      if (low === Infinity) { drawing = false; continue; }
      for (const [k, value] of lowAt < highAt ? [[lowAt, low], [highAt, high]] : lowAt > highAt ? [[highAt, high], [lowAt, low]] : [[lowAt, low]]) {
        if (drawing) pen.lineTo(x(k / rate), y(value)); else pen.moveTo(x(k / rate), y(value));
        drawing = true;
      }
    }
    pen.strokeStyle = hue;
    pen.lineWidth = 1.3;
    pen.setLineDash(dash);
    pen.stroke();
    pen.setLineDash([]);
  }
}

function line(pen, x0, y0, x1, y1, colour, dash = [], strength = 1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.strokeStyle = colour;
  pen.globalAlpha = strength;
  pen.setLineDash(dash);
  pen.stroke();
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

// Of all signals of a panel over their whole length, so that pages can be compared.
function extent(signals) {
  let low = Infinity, high = -Infinity;
  for (const signal of signals) {
    if (!signal) continue;
    if (!signal.extent) {
      let least = Infinity, most = -Infinity;
      for (let frame = 0; frame < signal.track.frames; frame++) for (let i = 0; i < signal.channels.length; i++) {
        const value = signal.track.at(frame, 0, i);
        if (value < least) least = value;
        if (value > most) most = value;
      }
      signal.extent = [least, most];
    }
    low = Math.min(low, signal.extent[0]);
    high = Math.max(high, signal.extent[1]);
  }
  if (low > high) return [-1, 1];
  return high - low > 1e-9 ? [low - 0.04 * (high - low), high + 0.04 * (high - low)] : [low - 1, high + 1];
}

// The step 1, 2 or 5 times a power of ten that gives at most so many ticks.
function tick(length, most) {
  const rough = length / most, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].find(step => step * power >= rough) * power;
}

function written(value, step) {
  if (!Number.isFinite(value)) return "–";
  const digits = step === undefined ? (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2) : Math.max(-Math.floor(Math.log10(step) + 1e-9), 0);
  return value.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−");
}

export function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}
