// Body: one scene in space, as few instanced meshes whose matrices are rewritten for a frame.
import * as three from "three";
import { hide, put, stretch, turn } from "./placing.js";
import { Track } from "./track.js";

const METRES_PER_NEWTON = 0.001, MARKER = 0.011, JOINT = 0.017, BONE = 0.0135, SHAFT = 0.012, HEAD = 0.03, AXIS = 0.0045, REACH = 0.11;
export const LAYERS = ["markers", "skeleton", "forces", "sensors", "plates"];

export class Body {
  constructor(about, buffer, colour) {
    this.about = about;
    this.colour = colour;
    this.group = new three.Group();
    this.layers = Object.fromEntries(LAYERS.map(name => [name, new three.Group()]));
    this.group.add(...Object.values(this.layers));
    this.anchor = new Track(about.anchor, buffer);
    this.rods = new three.CylinderGeometry(1, 1, 1, 10).translate(0, 0.5, 0);
    this.balls = new three.SphereGeometry(1, 14, 10);
    this.places = new Map();
    this.moving = [];
    if (about.markers) this.addMarkers(new Track(about.markers.track, buffer), about.markers.names);
    this.figure = about.figure && new Track(about.figure.track, buffer);
    if (about.figure) this.addFigure(this.figure, about.figure);
    if (about.forces.length) this.addForces(about.forces, buffer);
    if (about.sensors.length) this.addSensors(about.sensors, buffer);
    for (const corners of about.plates) this.layers.plates.add(plate(corners, colour));
    for (const layer of LAYERS) this.layers[layer].userData.empty = !this.layers[layer].children.length;
  }

  mesh(layer, geometry, count, colours) {
    const material = new three.MeshLambertMaterial();
    const mesh = new three.InstancedMesh(geometry, material, count);
    mesh.frustumCulled = false;
    mesh.instanceMatrix.setUsage(three.DynamicDrawUsage);
    for (let i = 0; i < count; i++) mesh.setColorAt(i, this.colour(colours[i % colours.length]));
    this.layers[layer].add(mesh);
    return mesh;
  }

  // Keeps `update(frame)` and what it needs to tell the card, and where things stand for whoever asks.
  moves(layer, meshes, update) {
    this.moving.push({ layer: this.layers[layer], meshes, update });
  }

  remember(key, point) {
    const place = this.places.get(key);
    if (place) { place[0] = point[0]; place[1] = point[1]; place[2] = point[2]; } else this.places.set(key, Float64Array.from(point.slice(0, 3)));
  }

  addMarkers(track, names) {
    const mesh = this.mesh("markers", this.balls, names.length, ["marker"]), array = mesh.instanceMatrix.array, point = [0, 0, 0];
    const keys = names.map((name, i) => `marker ${i} ${name}`);
    this.moves("markers", [mesh], frame => {
      for (let i = 0; i < names.length; i++) {
        if (track.read(frame, i, point)) { put(array, i, point, MARKER); this.remember(keys[i], point); } else { hide(array, i); this.places.delete(keys[i]); }
      }
    });
  }

  addFigure(track, figure) {
    const count = figure.names.length, points = figure.names.map(() => [0, 0, 0]), known = new Array(count);
    const keys = figure.names.map((name, i) => `joint ${i} ${name}`);
    const joints = this.mesh("skeleton", this.balls, count, ["bone"]);
    const bones = this.mesh("skeleton", this.rods, Math.max(figure.sticks.length, 1), figure.sides.length ? figure.sides.map(side => side || "bone") : ["bone"]);
    this.moves("skeleton", [joints, bones], frame => {
      for (let i = 0; i < count; i++) {
        known[i] = track.read(frame, i, points[i]);
        if (known[i]) { put(joints.instanceMatrix.array, i, points[i], JOINT); this.remember(keys[i], points[i]); } else { hide(joints.instanceMatrix.array, i); this.places.delete(keys[i]); }
      }
      hide(bones.instanceMatrix.array, 0);
      figure.sticks.forEach(([from, to], i) => {
        const a = points[from], b = points[to];
        if (known[from] && known[to]) stretch(bones.instanceMatrix.array, i, a[0], a[1], a[2], b[0], b[1], b[2], BONE);
        else hide(bones.instanceMatrix.array, i);
      });
    });
  }

  addForces(forces, buffer) {
    const tracks = forces.map(force => [new Track(force.force, buffer), new Track(force.point, buffer)]), count = forces.length;
    const shafts = this.mesh("forces", this.rods, count, ["force"]);
    const heads = this.mesh("forces", new three.ConeGeometry(1, 1, 14).translate(0, 0.5, 0), count, ["force"]);
    const f = [0, 0, 0], p = [0, 0, 0];
    this.moves("forces", [shafts, heads], frame => {
      for (let i = 0; i < count; i++) {
        const there = tracks[i][0].read(frame, 0, f) && tracks[i][1].read(frame, 0, p), size = there ? Math.hypot(...f) : 0;
        const key = `force ${i} ${forces[i].name}`;
        if (size * METRES_PER_NEWTON < 0.01) { hide(shafts.instanceMatrix.array, i); hide(heads.instanceMatrix.array, i); this.places.delete(key); continue; }
        const head = Math.min(0.08, 0.5 * size * METRES_PER_NEWTON), cut = 1 - head / (size * METRES_PER_NEWTON), k = METRES_PER_NEWTON;
        const tx = p[0] + f[0] * k, ty = p[1] + f[1] * k, tz = p[2] + f[2] * k;
        const nx = p[0] + f[0] * k * cut, ny = p[1] + f[1] * k * cut, nz = p[2] + f[2] * k * cut;
        stretch(shafts.instanceMatrix.array, i, p[0], p[1], p[2], nx, ny, nz, SHAFT);
        stretch(heads.instanceMatrix.array, i, nx, ny, nz, tx, ty, tz, HEAD);
        this.remember(key, [(p[0] + nx) / 2, (p[1] + ny) / 2, (p[2] + nz) / 2]);
      }
    });
  }

  addSensors(sensors, buffer) {
    const tracks = sensors.map(sensor => [new Track(sensor.origin, buffer), new Track(sensor.quaternion, buffer)]), count = sensors.length;
    const boxes = this.mesh("sensors", new three.BoxGeometry(1, 1, 1), count, ["box"]);
    const axes = this.mesh("sensors", this.rods, 3 * count, ["x", "y", "z"]);
    const o = [0, 0, 0], q = [0, 0, 0, 1], array = axes.instanceMatrix.array;
    this.moves("sensors", [boxes, axes], frame => {
      for (let i = 0; i < count; i++) {
        const key = `sensor ${i} ${sensors[i].name}`;
        if (!(tracks[i][0].read(frame, 0, o) && tracks[i][1].read(frame, 0, q))) {
          hide(boxes.instanceMatrix.array, i);
          for (let axis = 0; axis < 3; axis++) hide(array, 3 * i + axis);
          this.places.delete(key);
          continue;
        }
        turn(boxes.instanceMatrix.array, i, o, q, 0.036, 0.05, 0.016);
        const [x, y, z, w] = q;
        stretch(array, 3 * i, o[0], o[1], o[2], o[0] + REACH * (1 - 2 * (y * y + z * z)), o[1] + REACH * 2 * (x * y + z * w), o[2] + REACH * 2 * (x * z - y * w), AXIS);
        stretch(array, 3 * i + 1, o[0], o[1], o[2], o[0] + REACH * 2 * (x * y - z * w), o[1] + REACH * (1 - 2 * (x * x + z * z)), o[2] + REACH * 2 * (y * z + x * w), AXIS);
        stretch(array, 3 * i + 2, o[0], o[1], o[2], o[0] + REACH * 2 * (x * z + y * w), o[1] + REACH * 2 * (y * z - x * w), o[2] + REACH * (1 - 2 * (x * x + y * y)), AXIS);
        this.remember(key, o);
      }
    });
  }

  frameAt(seconds) {
    return Math.min(Math.max(Math.floor(seconds * this.about.rate + 0.5), 0), this.about.frames - 1);
  }

  update(frame) {
    for (const part of this.moving) {
      if (!part.layer.visible) continue;
      part.update(frame);
      for (const mesh of part.meshes) mesh.instanceMatrix.needsUpdate = true;
    }
  }

}

function plate(corners, colour) {
  const points = corners.map(corner => new three.Vector3(corner[0], corner[1] + 0.002, corner[2]));
  const group = new three.Group(), outline = new three.BufferGeometry().setFromPoints(points);
  const face = new three.BufferGeometry().setFromPoints(points).setIndex([0, 1, 2, 0, 2, 3]);
  group.add(new three.LineLoop(outline, new three.LineBasicMaterial({ color: colour("plate") })));
  group.add(new three.Mesh(face, new three.MeshBasicMaterial({ color: colour("plate"), transparent: true, opacity: 0.28, side: three.DoubleSide, depthWrite: false })));
  return group;
}
