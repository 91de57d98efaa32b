/* Shows one grey picture on a canvas: window and level, zoom, pan, inversion. Knows nothing of studies or servers.
 *
 * A picture keeps its pixels mapped through the lookup table on a canvas of its own. Zooming and panning only copy from
 * there; the table is filled, and run over the pixels, when window, level or inversion have changed. Lengths are in
 * pixels of the screen ("device pixels") inside, in CSS pixels at the methods that events call.
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

  /** `bytes`: ArrayBuffer of size x size pixels, row by row, one byte each, or two with the low byte first. */
  constructor(bytes, size) {
    const depth = bytes.byteLength / (size * size);
    if (depth !== 1 && depth !== 2) {
      throw new Error(`The image has ${bytes.byteLength} bytes instead of ${size * size} or ${2 * size * size}`);
    }
    this.size = size;
    this.bits = 8 * depth;
    this.#grey = depth === 1 ? new Uint8Array(bytes) : littleEndian(bytes);
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
  #canvas;
  #context;
  #onChange;
  #picture = null;
  #blank = false;
  #frame = null; // the drawing that is asked for
  #settings = null; // centre, width, inverted, and zoom, x, y (of the image's centre from the stage's); mode

  /** `onChange(settings)` after every drawing: null without a picture. */
  constructor(canvas, { onChange = () => {} } = {}) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#onChange = onChange;
    const observer = new ResizeObserver((entries) => this.#resize(entries.at(-1)));
    try {
      observer.observe(canvas, { box: "device-pixel-content-box" }); // exact also at odd zoom levels of the browser
    } catch {
      observer.observe(canvas);
    }
    this.#resize(null);
  }

  /* --- pictures -------------------------------------------------------------------------------------------- */

  /** Draws at once, with fresh settings: nothing of the picture before carries over. */
  show(picture) {
    this.#picture = picture;
    this.#blank = false;
    this.reset();
    this.draw();
  }

  clear() {
    this.#picture = null;
    this.#settings = null;
    this.draw();
  }

  /** Takes the picture off the screen and puts it back, settings and all. */
  setBlank(blank) {
    this.#blank = blank;
    this.draw();
  }

  /** What is on the screen, for the reader to see; null when nothing is. */
  get settings() {
    return this.#settings === null || this.#blank ? null : { ...this.#settings };
  }

  /* --- window and level ------------------------------------------------------------------------------------ */

  /** By parts of the full range: 1 moves the centre, or widens the window, by all grey levels. */
  adjustWindow(centre, width) {
    this.#change((settings) => {
      const levels = 2 ** this.#picture.bits;
      settings.centre = clamp(settings.centre + centre * levels, 0, levels);
      settings.width = clamp(settings.width + width * levels, NARROWEST, 2 * levels);
    });
  }

  /** The same by a drag of dx, dy CSS pixels: right for less contrast, down for darker; the stage's side is the range. */
  dragWindow(dx, dy) {
    const side = Math.min(this.#canvas.clientWidth, this.#canvas.clientHeight) || 1;
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
    if (this.#picture === null) return;
    this.#settings = { ...fullWindow(this.#picture.bits), inverted: false, mode: "fit", zoom: 1, x: 0, y: 0 };
    this.#hold();
    this.#ask();
  }

  /* --- drawing --------------------------------------------------------------------------------------------- */

  draw() {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    const { width, height } = this.#canvas;
    const context = this.#context;
    context.clearRect(0, 0, width, height);
    if (this.#picture !== null && !this.#blank) {
      const { zoom, x, y } = this.#settings;
      this.#picture.map(this.#settings);
      const side = Math.round(this.#picture.size * zoom);
      context.imageSmoothingEnabled = zoom !== 1;
      context.imageSmoothingQuality = "high";
      context.drawImage(
        this.#picture.canvas, Math.floor((width - side) / 2 + x), Math.floor((height - side) / 2 + y), side, side,
      );
    }
    this.#onChange(this.settings);
  }

  #change(change) {
    if (this.#picture === null || this.#blank) return;
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
    const reach = (this.#picture.size * settings.zoom) / 2;
    settings.x = clamp(settings.x, -reach, reach);
    settings.y = clamp(settings.y, -reach, reach);
  }

  #fittingZoom() {
    return Math.min(this.#canvas.width, this.#canvas.height) / this.#picture.size;
  }

  #ratio() {
    return {
      x: this.#canvas.width / (this.#canvas.clientWidth || 1),
      y: this.#canvas.height / (this.#canvas.clientHeight || 1),
    };
  }

  // The canvas fills its stage by CSS and never changes the layout; its pixels are those of the screen.
  #resize(entry) {
    const scale = window.devicePixelRatio || 1;
    const width = screenPixels(this.#canvas.clientWidth * scale, entry?.devicePixelContentBoxSize?.[0]?.inlineSize);
    const height = screenPixels(this.#canvas.clientHeight * scale, entry?.devicePixelContentBoxSize?.[0]?.blockSize);
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    if (this.#settings !== null) this.#hold();
    this.draw();
  }
}
