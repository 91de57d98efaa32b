/* Shows grey pictures on canvases: window and level, zoom, pan, inversion. Knows nothing of studies or servers.
 *
 * One canvas shows one picture; two canvases show the two of a pair, with the same settings at every moment. A picture
 * keeps its pixels mapped through the lookup table on a canvas of its own. Zooming and panning only copy from there; the
 * table is filled, and run over the pixels, when window, level or inversion have changed. Lengths are in pixels of the
 * screen ("device pixels") inside, in CSS pixels at the methods that events call.
 */

import { NARROWEST, applyLut, fillLut, fullWindow, newLut } from "./lut.js";

const LARGEST_ZOOM = 16; // screen pixels for one pixel of the image; a small image goes further
const LARGEST_ZOOM_OF_FIT = 4; // of the zoom that fits
const SMALLEST_ZOOM_OF_FIT = 0.5;

export class Picture {
  #grey;
  #image;
  #words;
  #lut;
  #mapped = null; // what the canvas holds now

  /** `bytes`: ArrayBuffer of size x size pixels, row by row; `bits`: 8, or 16 with the low byte first. */
  constructor(bytes, size, bits) {
    const expected = (size * size * bits) / 8;
    if (bytes.byteLength !== expected) throw new Error(`The image has ${bytes.byteLength} bytes instead of ${expected}`);
    this.size = size;
    this.bits = bits;
    this.#grey = bits === 8 ? new Uint8Array(bytes) : littleEndian(bytes);
    this.#image = new ImageData(size, size);
    this.#words = new Uint32Array(this.#image.data.buffer);
    this.#lut = newLut(this.bits);
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.canvas.height = size;
    this.map({ ...fullWindow(this.bits), inverted: false }); // ahead of time: showing it only copies
  }

  map({ centre, width, inverted }) {
    const wanted = `${centre} ${width} ${inverted}`;
    if (wanted === this.#mapped) return;
    fillLut(this.#lut, { centre, width, inverted });
    applyLut(this.#lut, this.#grey, this.#words);
    this.canvas.getContext("2d").putImageData(this.#image, 0, 0);
    this.#mapped = wanted;
  }
}

/** The `count` pictures that follow one another in `bytes`. */
export function picturesOf(bytes, { count, size, bits }) {
  const length = (size * size * bits) / 8;
  if (bytes.byteLength !== count * length) throw new Error(`The image has ${bytes.byteLength} bytes instead of ${count * length}`);
  return Array.from({ length: count }, (_, index) => new Picture(bytes.slice(index * length, (index + 1) * length), size, bits));
}

function littleEndian(bytes) {
  const view = new DataView(bytes);
  return Uint16Array.from({ length: bytes.byteLength / 2 }, (_, i) => view.getUint16(2 * i, true));
}

// the browser's own count where it is one (an emulated screen gives the count of the real one)
function screenPixels(computed, counted) {
  return Math.max(1, Math.abs(counted - computed) < 2 ? counted : Math.round(computed));
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Viewer {
  #stages; // one for each picture: { canvas, context, counted }, the latter the browser's count of its pixels
  #onChange;
  #onDraw;
  #pictures = null;
  #settings = null; // centre, width, inverted; mode "fit" or "free"; zoom and offset of the picture's centre, screen pixels
  #blank = false;
  #frame = null;

  /** `onChange(settings)` after each drawing, with null when nothing is shown. `onDraw(context, index, place)`: what lies
   * over the picture `index`, whose upper left corner is at `place.left`, `place.top` (screen pixels), `place.zoom`. */
  constructor(canvases, { onChange = () => {}, onDraw = () => {} } = {}) {
    this.#stages = canvases.map((canvas) => ({ canvas, context: canvas.getContext("2d"), counted: null }));
    this.#onChange = onChange;
    this.#onDraw = onDraw;
    const observer = new ResizeObserver((entries) => this.#resize(entries));
    for (const canvas of canvases) {
      try {
        observer.observe(canvas, { box: "device-pixel-content-box" }); // exact also at odd zoom levels of the browser
      } catch {
        observer.observe(canvas);
      }
    }
    this.#resize([]);
  }

  /* --- pictures -------------------------------------------------------------------------------------------- */

  /** Draws at once, with fresh settings: nothing of the pictures before carries over. */
  show(pictures) {
    this.#pictures = pictures;
    this.#blank = false;
    this.reset();
    this.draw();
  }

  clear() {
    this.#pictures = null;
    this.#settings = null;
    this.draw();
  }

  /** Takes the pictures off the screen and puts them back, settings and all. */
  setBlank(blank) {
    this.#blank = blank;
    this.draw();
  }

  /** What is on the screen, for the reader to see; null when nothing is. */
  get settings() {
    return this.#settings === null || this.#blank ? null : { ...this.#settings };
  }

  /** Where a point (CSS pixels from the stage's centre) lies in the picture, in its pixels from its upper left corner;
   * null when nothing is shown. May lie outside the picture. */
  inPicture(index, x, y) {
    if (this.settings === null) return null;
    const { left, top, zoom } = this.#place(index);
    const { canvas } = this.#stages[index];
    const ratio = this.#ratio();
    return { x: (canvas.width / 2 + x * ratio.x - left) / zoom, y: (canvas.height / 2 + y * ratio.y - top) / zoom };
  }

  /** To be drawn anew, because of what lies over the pictures. */
  refresh() {
    this.#ask();
  }

  /* --- window and level ------------------------------------------------------------------------------------ */

  /** By parts of the full range: 1 moves the centre, or widens the window, by all grey levels. */
  adjustWindow(centre, width) {
    this.#change((settings) => {
      const levels = 2 ** this.#pictures[0].bits;
      settings.centre = clamp(settings.centre + centre * levels, 0, levels);
      settings.width = clamp(settings.width + width * levels, NARROWEST, 2 * levels);
    });
  }

  /** The same by a drag of dx, dy CSS pixels: right for less contrast, down for darker; the stage's side is the range. */
  dragWindow(dx, dy) {
    const [{ canvas }] = this.#stages;
    const side = Math.min(canvas.clientWidth, canvas.clientHeight) || 1;
    this.adjustWindow(dy / side, dx / side);
  }

  invert() {
    this.#change((settings) => {
      settings.inverted = !settings.inverted;
    });
  }

  /* --- place and size -------------------------------------------------------------------------------------- */

  fit() {
    this.#change((settings) => Object.assign(settings, { mode: "fit", x: 0, y: 0 }));
  }

  /** One pixel of the image on one pixel of the screen. */
  actualSize() {
    this.#change((settings) => Object.assign(settings, { mode: "free", zoom: 1, x: 0, y: 0 }));
  }

  toggleFit() {
    if (this.#settings?.mode === "fit") this.actualSize();
    else this.fit();
  }

  /** What lies under the point (CSS pixels from the stage's centre) stays there. */
  zoomAt(x, y, factor) {
    this.#change((settings) => {
      const fitting = this.#fittingZoom();
      const zoom = clamp(
        settings.zoom * factor, SMALLEST_ZOOM_OF_FIT * fitting, Math.max(LARGEST_ZOOM, LARGEST_ZOOM_OF_FIT * fitting),
      );
      const grown = zoom / settings.zoom;
      const ratio = this.#ratio();
      settings.x = x * ratio.x - (x * ratio.x - settings.x) * grown;
      settings.y = y * ratio.y - (y * ratio.y - settings.y) * grown;
      settings.zoom = zoom;
      settings.mode = "free";
    });
  }

  panBy(dx, dy) {
    this.#change((settings) => {
      const ratio = this.#ratio();
      settings.x += dx * ratio.x;
      settings.y += dy * ratio.y;
      settings.mode = "free";
    });
  }

  reset() {
    if (this.#pictures === null) return;
    this.#settings = { ...fullWindow(this.#pictures[0].bits), inverted: false, mode: "fit", zoom: 1, x: 0, y: 0 };
    this.#hold();
    this.#ask();
  }

  /* --- drawing --------------------------------------------------------------------------------------------- */

  draw() {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    for (const [index, { canvas, context }] of this.#stages.entries()) {
      context.clearRect(0, 0, canvas.width, canvas.height);
      if (this.settings === null) continue;
      const picture = this.#pictures[index];
      picture.map(this.#settings);
      const place = this.#place(index);
      context.imageSmoothingEnabled = place.zoom !== 1;
      context.imageSmoothingQuality = "high";
      context.drawImage(picture.canvas, place.left, place.top, place.side, place.side);
      this.#onDraw(context, index, place);
    }
    this.#onChange(this.settings);
  }

  #place(index) {
    const { zoom, x, y } = this.#settings;
    const { width, height } = this.#stages[index].canvas;
    const side = Math.round(this.#pictures[index].size * zoom);
    return { left: Math.floor((width - side) / 2 + x), top: Math.floor((height - side) / 2 + y), side, zoom };
  }

  #change(change) {
    if (this.#pictures === null || this.#blank) return;
    change(this.#settings);
    this.#hold();
    this.#ask();
  }

  // many events between two frames are one drawing
  #ask() {
    this.#frame ??= requestAnimationFrame(() => this.draw());
  }

  // the image's edge goes no further than the middle of the stage: it cannot be lost
  #hold() {
    const settings = this.#settings;
    if (settings.mode === "fit") settings.zoom = this.#fittingZoom();
    const reach = (this.#pictures[0].size * settings.zoom) / 2;
    settings.x = clamp(settings.x, -reach, reach);
    settings.y = clamp(settings.y, -reach, reach);
  }

  // two canvases may differ by a pixel: the same zoom on both
  #fittingZoom() {
    const sides = this.#stages.map(({ canvas }) => Math.min(canvas.width, canvas.height));
    return Math.min(...sides) / this.#pictures[0].size;
  }

  #ratio() {
    const [{ canvas }] = this.#stages;
    return { x: canvas.width / (canvas.clientWidth || 1), y: canvas.height / (canvas.clientHeight || 1) };
  }

  // A canvas fills its stage by CSS and never changes the layout; its pixels are those of the screen.
  #resize(entries) {
    const scale = window.devicePixelRatio || 1;
    let changed = false;
    for (const stage of this.#stages) {
      const { canvas } = stage;
      const told = entries.filter((entry) => entry.target === canvas).at(-1);
      stage.counted = told?.devicePixelContentBoxSize?.[0] ?? stage.counted;
      const width = screenPixels(canvas.clientWidth * scale, stage.counted?.inlineSize);
      const height = screenPixels(canvas.clientHeight * scale, stage.counted?.blockSize);
      if (canvas.width === width && canvas.height === height) continue;
      canvas.width = width;
      canvas.height = height;
      changed = true;
    }
    if (!changed) return;
    if (this.#settings !== null) this.#hold();
    this.draw();
  }
}
