// Tracks: arrays (frames, items, axes) as 16-bit codes or float32, read frame by frame without a copy.
const MISSING = -32768;

export function bytesOfPage() {
  const element = document.getElementById("tracks"), text = atob(element.textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  element.remove();
  return bytes.buffer;
}

export class Track {
  constructor(about, buffer) {
    [this.frames, this.items, this.axes] = about.shape;
    const size = this.frames * this.items * this.axes;
    this.coded = about.kind === "i2";
    this.values = this.coded ? new Int16Array(buffer, about.at, size) : new Float32Array(buffer, about.at, size);
    this.low = about.low;
    this.step = about.step;
  }

  // One number; NaN where missing.
  at(frame, item, axis) {
    const code = this.values[(frame * this.items + item) * this.axes + axis];
    if (!this.coded) return code;
    return code === MISSING ? NaN : this.low[axis] + (code + 32767) * this.step[axis];
  }

  // All axes of an item into `out`; false where one is missing or the frame lies outside.
  read(frame, item, out) {
    if (frame < 0 || frame >= this.frames) return false;
    let place = (frame * this.items + item) * this.axes;
    for (let axis = 0; axis < this.axes; axis++, place++) {
      const code = this.values[place];
      if (this.coded ? code === MISSING : Number.isNaN(code)) return false;
      out[axis] = this.coded ? this.low[axis] + (code + 32767) * this.step[axis] : code;
    }
    return true;
  }
}
