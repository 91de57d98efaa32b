/* One grey image of any proportions on a canvas, and rectangles over it. Window and level by a lookup table, as on the
 * reading page. Inside, lengths are in pixels of the screen; what comes in and goes out is in CSS pixels from the canvas's
 * corner, or in pixels of the image. */

import { NARROWEST, applyLut, fillLut, newLut } from "../reading/lut.js";

const LARGEST_ZOOM = 16;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Picture {
  #grey;
  #image;
  #words;
  #lut;
  #mapped = "";

  /** `bytes`: width x height pixels, row by row; `bits`: 8, or 16 with the low byte first. */
  constructor(bytes, { width, height, bits }) {
    const expected = (width * height * bits) / 8;
    if (bytes.byteLength !== expected) throw new Error(`The image has ${bytes.byteLength} bytes instead of ${expected}`);
    Object.assign(this, { width, height, bits });
    this.#grey = bits === 8 ? new Uint8Array(bytes) : littleEndian(bytes);
    this.window = this.#fullWindow();
    this.#image = new ImageData(width, height);
    this.#words = new Uint32Array(this.#image.data.buffer);
    this.#lut = newLut(bits);
    this.canvas = document.createElement("canvas");
    Object.assign(this.canvas, { width, height });
  }

  // of 16 bits, the values that occur: 12-bit data would be black
  #fullWindow() {
    if (this.bits === 8) return { centre: 128, width: 256 };
    let low = Infinity;
    let high = -Infinity;
    for (const value of this.#grey) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return { centre: (low + high + 1) / 2, width: Math.max(NARROWEST, high - low + 1) };
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
  return Uint16Array.from({ length: bytes.byteLength / 2 }, (_, index) => view.getUint16(2 * index, true));
}

export class Stage {
  #canvas;
  #context;
  #picture = null;
  #settings = null; // centre, width, inverted; fit, zoom, and offset x, y of the picture's centre
  #frame = null;
  #paint;

  /** `paint(context, place)` draws over the image; `place`: left, top, zoom (screen pixels), ratio of screen to CSS pixels. */
  constructor(canvas, paint) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#paint = paint;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
  }

  show(picture) {
    this.#picture = picture;
    this.reset();
  }

  clear() {
    this.#picture = null;
    this.refresh();
  }

  reset() {
    if (this.#picture === null) return;
    this.#settings = { ...this.#picture.window, inverted: false, fit: true, zoom: 1, x: 0, y: 0 };
    this.refresh();
  }

  /** Where a point of the canvas (CSS pixels) lies in the image, in its pixels; not whole, and maybe outside. */
  inImage(x, y) {
    const { left, top, zoom, ratio } = this.#place();
    return { x: (x * ratio - left) / zoom, y: (y * ratio - top) / zoom };
  }

  /** How many pixels of the image `length` CSS pixels are. */
  inImagePixels(length) {
    const { zoom, ratio } = this.#place();
    return (length * ratio) / zoom;
  }

  /** The other way: CSS pixels from the canvas's corner. */
  onCanvas(x, y) {
    const { left, top, zoom, ratio } = this.#place();
    return { x: (left + x * zoom) / ratio, y: (top + y * zoom) / ratio };
  }

  /** Parts of the full range: brighter or darker, more or less contrast. */
  adjustWindow(centre, width) {
    if (this.#picture === null) return;
    const range = this.#picture.window.width;
    this.#settings.centre += centre * range;
    this.#settings.width = clamp(this.#settings.width + width * range, NARROWEST, 3 * range);
    this.refresh();
  }

  invert() {
    if (this.#picture === null) return;
    this.#settings.inverted = !this.#settings.inverted;
    this.refresh();
  }

  fit() {
    if (this.#picture === null) return;
    Object.assign(this.#settings, { fit: true, x: 0, y: 0 });
    this.refresh();
  }

  actualSize() {
    if (this.#picture === null) return;
    Object.assign(this.#settings, { fit: false, zoom: 1, x: 0, y: 0 });
    this.refresh();
  }

  /** What lies under the point (CSS pixels from the corner; the middle without one) stays there. */
  zoomBy(factor, point = null) {
    if (this.#picture === null) return;
    const settings = this.#settings;
    const { zoom: before, ratio } = this.#place();
    const fitting = this.#fittingZoom();
    const zoom = clamp(before * factor, fitting / 2, Math.max(LARGEST_ZOOM, 4 * fitting));
    const x = point === null ? 0 : point.x * ratio - this.#canvas.width / 2;
    const y = point === null ? 0 : point.y * ratio - this.#canvas.height / 2;
    settings.x = x - (x - settings.x) * (zoom / before);
    settings.y = y - (y - settings.y) * (zoom / before);
    Object.assign(settings, { zoom, fit: false });
    this.refresh();
  }

  panBy(dx, dy) {
    if (this.#picture === null) return;
    const { ratio, zoom } = this.#place();
    const settings = this.#settings;
    settings.zoom = zoom;
    settings.fit = false;
    settings.x = clamp(settings.x + dx * ratio, (-this.#picture.width * zoom) / 2, (this.#picture.width * zoom) / 2);
    settings.y = clamp(settings.y + dy * ratio, (-this.#picture.height * zoom) / 2, (this.#picture.height * zoom) / 2);
    this.refresh();
  }

  refresh() {
    this.#frame ??= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = null;
    const { width, height } = this.#canvas;
    this.#context.clearRect(0, 0, width, height);
    if (this.#picture === null) return;
    this.#picture.map(this.#settings);
    const place = this.#place();
    this.#context.imageSmoothingEnabled = place.zoom !== 1;
    this.#context.imageSmoothingQuality = "high";
    this.#context.drawImage(this.#picture.canvas, place.left, place.top, this.#picture.width * place.zoom, this.#picture.height * place.zoom);
    this.#paint(this.#context, place);
  }

  #place() {
    const { width, height } = this.#canvas;
    const ratio = width / (this.#canvas.clientWidth || 1);
    if (this.#picture === null) return { left: 0, top: 0, zoom: 1, ratio };
    const { fit, x, y } = this.#settings;
    const zoom = fit ? this.#fittingZoom() : this.#settings.zoom;
    return {
      left: Math.round((width - this.#picture.width * zoom) / 2 + x),
      top: Math.round((height - this.#picture.height * zoom) / 2 + y),
      zoom,
      ratio,
    };
  }

  #fittingZoom() {
    return Math.min(this.#canvas.width / this.#picture.width, this.#canvas.height / this.#picture.height);
  }

  #resize() {
    const scale = window.devicePixelRatio || 1;
    this.#canvas.width = Math.max(1, Math.round(this.#canvas.clientWidth * scale));
    this.#canvas.height = Math.max(1, Math.round(this.#canvas.clientHeight * scale));
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#draw();
  }
}
