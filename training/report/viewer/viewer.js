// The viewer: clock, controls and keys; `window.viewer` is what tests and the curious may ask.
import { Color } from "three";
import { make, Panels } from "./panels.js";
import { LAYERS, Space, VIEWS } from "./space.js";
import { bytesOfPage } from "./track.js";

const { scenes } = JSON.parse(document.getElementById("scenes").textContent);
const buffer = bytesOfPage(), first = scenes[0], duration = (first.frames - 1) / first.rate;
const play = document.getElementById("play"), scrubber = document.getElementById("scrubber"), clock = document.getElementById("clock");
const styles = getComputedStyle(document.documentElement);
const LAYER_COLOURS = { markers: "marker", skeleton: "bone", forces: "force", sensors: "box", plates: "plate" };
const SHAPES = { false: "M7 4.5v15l13-7.5z", true: "M6 4.5h4v15H6zM14 4.5h4v15h-4z" };
const RING = 1200;
let seconds = first.begin / first.rate, playing = false, before = 0, waiting = false, drawn = -1;
const spent = new Float64Array(RING);
let n_drawn = 0;

function colour(name, asText = false) {
  const text = styles.getPropertyValue(`--${name || "bone"}`).trim();
  return asText ? text : new Color(text);
}

function redraw() {
  if (!waiting) { waiting = true; requestAnimationFrame(tick); }
}

const space = new Space(scenes, buffer, colour, redraw);
const panels = new Panels(scenes, buffer, colour, go);

// What a frame costs is measured from here to the last command for the graphics card.
function tick(now) {
  const start = performance.now();
  waiting = false;
  if (playing) {
    seconds += Math.min((now - before) / 1000, 0.25) * +document.getElementById("speed").value;
    if (seconds > duration) seconds = duration > 0 ? seconds % duration : 0;
    before = now;
  }
  const frame = current();
  space.draw(seconds);
  if (frame !== drawn) {
    panels.move(seconds);
    scrubber.value = frame;
    clock.replaceChildren(`${seconds.toFixed(2)} s `, make("small", "", `frame ${frame + 1} of ${first.frames}`));
    drawn = frame;
  }
  spent[n_drawn++ % RING] = performance.now() - start;
  if (playing) redraw();
}

function current() { return Math.min(Math.max(Math.floor(seconds * first.rate + 0.5), 0), first.frames - 1); }

function go(to) {
  seconds = Math.min(Math.max(to, 0), duration);
  redraw();
}

function run(on) {
  playing = on && first.frames > 1;
  before = performance.now();
  play.setAttribute("aria-pressed", playing);
  play.setAttribute("aria-label", playing ? "Pause" : "Play");
  play.querySelector("path").setAttribute("d", SHAPES[playing]);
  redraw();
}

// Foot strikes are tall and foot offs short: the right foot above the line, the left below it.
function drawTicks() {
  const canvas = document.getElementById("ticks"), scale = Math.min(window.devicePixelRatio, 2), pen = canvas.getContext("2d");
  const width = canvas.clientWidth, thumb = 8;
  canvas.width = width * scale;
  canvas.height = canvas.clientHeight * scale;
  pen.scale(scale, scale);
  for (const event of first.events) {
    const x = thumb + event.time / (duration || 1) * (width - 2 * thumb), tall = event.kind === "foot_strike" ? 11 : 6;
    pen.fillStyle = colour(event.foot, true);
    pen.fillRect(x - 0.75, event.foot === "right" ? 13 - tall : 2, 1.5, tall);
  }
}

function buttons() {
  const layers = document.getElementById("layers"), views = document.getElementById("views");
  for (const layer of LAYERS.filter(name => space.has(name))) {
    layers.append(switchButton(layer, () => space.shown(layer), () => space.show(layer, !space.shown(layer)), LAYER_COLOURS[layer]));
  }
  for (const view of Object.keys(VIEWS)) {
    const button = make("button", "", view);
    button.type = "button";
    button.addEventListener("click", () => space.look(view));
    views.append(button);
  }
  views.append(switchButton("Follow", () => space.follow, () => { space.follow = !space.follow; }));
  if (scenes.length > 1) views.append(switchButton("Overlay", () => space.over, () => { overlay(!space.over); }));
}

function switchButton(word, state, change, own) {
  const button = make("button", "", word);
  button.type = "button";
  button.setAttribute("aria-pressed", state());
  if (own) button.style.setProperty("--own", `var(--${own})`);
  button.addEventListener("click", () => { change(); button.setAttribute("aria-pressed", state()); redraw(); });
  return button;
}

function overlay(on) {
  space.over = on;
  space.ghost(on);
  document.getElementById("names").classList.toggle("over", on);
  redraw();
}

function keys(event) {
  if (event.target.matches?.("select, input:not([type=range]), summary, button") && event.key === " ") return;
  if (event.target.matches?.("select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const views = Object.keys(VIEWS), step = event.shiftKey ? 10 : 1;
  if (event.key === " ") run(!playing);
  else if (event.key === "ArrowRight" || event.key === "ArrowLeft") { run(false); go((current() + (event.key === "ArrowRight" ? step : -step)) / first.rate); }
  else if (views[+event.key - 1]) space.look(views[+event.key - 1]);
  else return;
  event.preventDefault();
}

scrubber.max = Math.max(first.frames - 1, 0);
scrubber.addEventListener("input", () => { run(false); go(scrubber.value / first.rate); });
play.addEventListener("click", () => run(!playing));
document.addEventListener("keydown", keys);
buttons();
if (scenes.length > 1) document.getElementById("names").append(...scenes.map((scene, i) => make("span", i ? "second" : "first", scene.title)));
const flat = !LAYERS.some(layer => space.has(layer)), main = document.querySelector("main");
document.getElementById("stage").hidden = flat;
document.getElementById("signals").hidden = !panels.any;
main.classList.toggle("flat", flat);
main.classList.toggle("alone", !panels.any);
new ResizeObserver(drawTicks).observe(document.getElementById("line"));
redraw();

window.viewer = {
  // Where the movement stands, and what the script of the last frames took (ms).
  state() {
    const times = [...spent.subarray(0, Math.min(n_drawn, RING))].sort((a, b) => a - b), share = p => times[Math.min(Math.floor(p * times.length), times.length - 1)];
    return { frame: current(), drawn, frames: first.frames, seconds, playing, scenes: scenes.length, n_drawn, script_ms: { median: share(0.5), p95: share(0.95), max: share(1) } };
  },
  // A frame of the first figure that came later than the page: points (m) one after the other.
  receive(frame, points) { space.bodies[0].figure.values.set(points, frame * points.length); go(frame / first.rate); },
  seek(frame) { run(false); go(frame / first.rate); },
  play() { run(true); },
  pause() { run(false); },
  look(view) { space.look(view); },
  show(layer, visible) { space.show(layer, visible); },
  overlay,
  // What stands where on the page: key such as "marker 3 RANK" → [x, y] in CSS pixels.
  places(scene = 0) {
    return Object.fromEntries([...space.bodies[scene].places].map(([key, point]) => [key, space.project(scene, point)]));
  },
  // The same in space (m, ground frame).
  points(scene = 0) { return Object.fromEntries([...space.bodies[scene].places].map(([key, point]) => [key, [...point]])); },
  forget() { n_drawn = 0; },
};
