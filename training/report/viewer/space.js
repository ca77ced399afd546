// Space: the stage. One camera for all scenes; side by side each has its half, laid over each other they share one.
import * as three from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { Body, LAYERS } from "./body.js";

const VIEWS = { Side: [0, 0.12, 1], Front: [1, 0.12, 0], Top: [0, 1, 0.001], Oblique: [0.62, 0.3, 0.72] };
const REACHED = 14; // pixels between the pointer and a thing that is named

export class Space {
  constructor(scenes, buffer, colour, redraw) {
    this.canvas = document.getElementById("space");
    this.hint = document.getElementById("hint");
    this.redraw = redraw;
    this.renderer = new three.WebGLRenderer({ canvas: this.canvas, antialias: true });
    this.renderer.setScissorTest(true);
    this.renderer.setClearColor(colour("stage"));
    this.camera = new three.PerspectiveCamera(32, 1, 0.05, 200);
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.maxPolarAngle = Math.PI;
    this.controls.addEventListener("change", redraw);
    this.bodies = scenes.map(about => new Body(about, buffer, colour));
    this.worlds = this.bodies.map(body => {
      const world = new three.Scene();
      world.add(new three.HemisphereLight(0xffffff, 0xb8b2a4, 2.6));
      const sun = new three.DirectionalLight(0xffffff, 1.1);
      sun.position.set(1, 3, 2);
      world.add(sun, body.group);
      body.floor = floor(body.about, colour);
      body.group.add(body.floor);
      return world;
    });
    this.over = false;
    const [low, high] = scenes[0].box;
    this.tall = Math.max(high[1] - Math.min(low[1], 0), 0.5);
    this.wide = Math.max(high[0] - low[0], high[2] - low[2], 0.8);
    this.follow = this.wide > 2.2;
    this.still = [(low[0] + high[0]) / 2, (low[2] + high[2]) / 2];
    this.look("Oblique");
    new ResizeObserver(() => this.resize()).observe(this.canvas.parentElement);
    this.resize();
    this.canvas.addEventListener("pointermove", event => this.name(event));
    this.canvas.addEventListener("pointerleave", () => { this.hint.hidden = true; });
  }

  has(layer) { return this.bodies.some(body => !body.layers[layer].userData.empty); }
  shown(layer) { return this.bodies[0].layers[layer].visible; }

  show(layer, visible) {
    for (const body of this.bodies) body.layers[layer].visible = visible;
    this.redraw();
  }

  // Laid over the first, the second is seen through.
  ghost(on) {
    const second = this.bodies[1];
    second?.group.traverse(part => {
      if (!part.isInstancedMesh) return;
      part.material.transparent = on;
      part.material.opacity = on ? 0.45 : 1;
      part.material.needsUpdate = true;
    });
    if (second) second.floor.visible = !on;
  }

  look(view) {
    const [x, y, z] = VIEWS[view], halves = this.bodies.length > 1 && !this.over ? 2 : 1;
    const aspect = this.canvas.clientWidth / halves / Math.max(this.canvas.clientHeight, 1);
    // the height with a third to spare, and the width; who is followed needs no more than a stride
    const reach = this.follow ? Math.min(this.wide, 1.3) : this.wide;
    const distance = Math.max(this.tall * 2.35, reach * 2.1 / Math.max(aspect, 0.2)) / Math.hypot(x, y, z);
    this.controls.target.set(0, this.tall * 0.48, 0);
    this.camera.position.set(x * distance, this.tall * 0.48 + y * distance, z * distance);
    this.controls.update();
    this.redraw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.redraw();
  }

  // Places of the halves in CSS pixels: one for each world.
  halves() {
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    if (this.bodies.length === 1 || this.over) return this.bodies.map(() => [0, width, height]);
    return this.bodies.map((_, i) => [i * width / 2, width / 2, height]);
  }

  draw(seconds) {
    const centre = [0, 0];
    this.bodies.forEach((body, i) => {
      const frame = body.frameAt(seconds);
      body.update(frame);
      if (i === 0 || !this.over) {
        if (this.follow) body.anchor.read(frame, 0, centre);
        else [centre[0], centre[1]] = i === 0 || this.over ? this.still : middle(body.about.box);
      }
      body.group.position.set(-centre[0], 0, -centre[1]);
    });
    this.halves().forEach(([left, width, height], i) => {
      this.camera.aspect = width / height;
      this.camera.updateProjectionMatrix();
      this.renderer.setViewport(left, 0, width, height);
      this.renderer.setScissor(left, 0, width, height);
      this.renderer.autoClear = !(this.over && i > 0);
      this.renderer.render(this.worlds[i], this.camera);
    });
  }

  // Where a point of a body is on the page (CSS pixels), or null behind the camera.
  project(index, point) {
    const [left, width, height] = this.halves()[index], frame = this.canvas.getBoundingClientRect();
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.camera.updateMatrixWorld();
    const p = new three.Vector3(...point).add(this.bodies[index].group.position).project(this.camera);
    return p.z > 1 ? null : [frame.left + left + (p.x + 1) / 2 * width, frame.top + (1 - p.y) / 2 * height];
  }

  name(event) {
    let best = REACHED, found = null;
    if (!event.buttons) this.bodies.forEach((body, i) => {
      for (const [key, point] of body.places) {
        const [kind, , ...words] = key.split(" "), layer = kind === "joint" ? "skeleton" : `${kind}s`;
        const place = body.layers[layer].visible && this.project(i, point);
        const far = place ? Math.hypot(place[0] - event.clientX, place[1] - event.clientY) : best;
        if (far < best) { best = far; found = words.join(" "); }
      }
    });
    this.hint.hidden = found === null;
    if (found === null) return;
    const frame = this.canvas.getBoundingClientRect();
    this.hint.textContent = found;
    this.hint.style.left = `${event.clientX - frame.left}px`;
    this.hint.style.top = `${event.clientY - frame.top}px`;
  }
}

export { LAYERS, VIEWS };

function middle([low, high]) { return [(low[0] + high[0]) / 2, (low[2] + high[2]) / 2]; }

// A grid of half a metre under everything that moves, with the axes of the ground at its origin.
function floor(about, colour) {
  const [low, high] = about.box, step = 0.5, margin = 1.5, points = [], group = new three.Group();
  const x0 = Math.floor((low[0] - margin) / step), x1 = Math.ceil((high[0] + margin) / step);
  const z0 = Math.floor((low[2] - margin) / step), z1 = Math.ceil((high[2] + margin) / step);
  for (let i = x0; i <= x1; i++) points.push(i * step, 0, z0 * step, i * step, 0, z1 * step);
  for (let i = z0; i <= z1; i++) points.push(x0 * step, 0, i * step, x1 * step, 0, i * step);
  const lines = (places, name) => new three.LineSegments(
    new three.BufferGeometry().setAttribute("position", new three.Float32BufferAttribute(places, 3)),
    new three.LineBasicMaterial({ color: colour(name) }));
  group.add(lines(points, "grid"));
  [[0.4, 0, 0, "x"], [0, 0.4, 0, "y"], [0, 0, 0.4, "z"]].forEach(([x, y, z, name]) => group.add(lines([0, 0.003, 0, x, y + 0.003, z], name)));
  return group;
}
