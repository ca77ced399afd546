// Placing: 4 x 4 matrices of instances, written straight into the array that the graphics card reads.

export function hide(array, i) {
  array.fill(0, 16 * i, 16 * i + 15);
  array[16 * i + 15] = 1;
}

// A ball or box at a point, unturned.
export function put(array, i, point, size) {
  hide(array, i);
  const m = 16 * i;
  array[m] = array[m + 5] = array[m + 10] = size;
  array[m + 12] = point[0]; array[m + 13] = point[1]; array[m + 14] = point[2];
}

// A rod of unit height along its own Y, from one point to another.
export function stretch(array, i, ax, ay, az, bx, by, bz, radius) {
  let dx = bx - ax, dy = by - ay, dz = bz - az;
  const length = Math.hypot(dx, dy, dz), m = 16 * i;
  if (length < 1e-6) return hide(array, i);
  dx /= length; dy /= length; dz /= length;
  // any direction that is not along the rod gives the other two axes
  let px = 0, py = -dz, pz = dy;
  if (Math.abs(dx) > 0.9) { px = dz; py = 0; pz = -dx; }
  const p = Math.hypot(px, py, pz);
  px /= p; py /= p; pz /= p;
  const qx = py * dz - pz * dy, qy = pz * dx - px * dz, qz = px * dy - py * dx;
  array[m] = px * radius; array[m + 1] = py * radius; array[m + 2] = pz * radius; array[m + 3] = 0;
  array[m + 4] = dx * length; array[m + 5] = dy * length; array[m + 6] = dz * length; array[m + 7] = 0;
  array[m + 8] = qx * radius; array[m + 9] = qy * radius; array[m + 10] = qz * radius; array[m + 11] = 0;
  array[m + 12] = ax; array[m + 13] = ay; array[m + 14] = az; array[m + 15] = 1;
}

// A box in a frame: quaternion (x, y, z, w), size of each axis.
export function turn(array, i, point, q, sx, sy, sz) {
  const [x, y, z, w] = q, m = 16 * i;
  array[m] = (1 - 2 * (y * y + z * z)) * sx; array[m + 1] = 2 * (x * y + z * w) * sx; array[m + 2] = 2 * (x * z - y * w) * sx; array[m + 3] = 0;
  array[m + 4] = 2 * (x * y - z * w) * sy; array[m + 5] = (1 - 2 * (x * x + z * z)) * sy; array[m + 6] = 2 * (y * z + x * w) * sy; array[m + 7] = 0;
  array[m + 8] = 2 * (x * z + y * w) * sz; array[m + 9] = 2 * (y * z - x * w) * sz; array[m + 10] = (1 - 2 * (x * x + y * y)) * sz; array[m + 11] = 0;
  array[m + 12] = point[0]; array[m + 13] = point[1]; array[m + 14] = point[2]; array[m + 15] = 1;
}
