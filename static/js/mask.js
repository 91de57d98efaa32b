/* Rectangles over a picture in quarantine: drawn with mouse, pen, finger or keys, shown as they will be painted.
 *
 * Places are whole pixels of the picture. The field “Rectangles” of the form is the list, and may be edited by hand; without
 * this script it is all there is. Nothing is painted here: the server does it, on the pixels that it stores.
 */

const SLIP = 4; // CSS pixels; a drag shorter than that in both directions is none
const STEP = 1 / 64; // of the longer side: one press of an arrow key
const FINE = 1 / 8; // of a step, with Shift
const ZOOM = 1.5; // one press of + or -
const LARGEST_ZOOM = 16; // screen pixels for one of the picture
const SVG = "http://www.w3.org/2000/svg";

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The rectangles in a text, one a line; null when a line is none. */
export function parseRectangles(text) {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const found = lines.map((line) => line.trim().split(/[,;\s]+/));
  if (!found.every((one) => one.length === 4 && one.every((part) => /^\d+$/.test(part)))) return null;
  return found.map((one) => one.map(Number)).map(([x, y, width, height]) => ({ x, y, width, height }));
}

export const formatRectangles = (list) => list.map(({ x, y, width, height }) => `${x}, ${y}, ${width}, ${height}`).join("\n");

/** Every pixel that the corners touch, inside a picture of `size`; null when that is none. */
export function rectangleBetween(from, to, size) {
  const [x, y] = [Math.floor(Math.min(from.x, to.x)), Math.floor(Math.min(from.y, to.y))].map((value) => Math.max(value, 0));
  const width = Math.min(Math.ceil(Math.max(from.x, to.x)), size.width) - x;
  const height = Math.min(Math.ceil(Math.max(from.y, to.y)), size.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

class MaskTool {
  #root;
  #stage;
  #sheet;
  #picture;
  #layer = document.createElementNS(SVG, "svg");
  #field;
  #size;
  #fill;
  #zoom = 1; // CSS pixels for one of the picture
  #fitting = true;
  #list = [];
  #before = []; // lists as they were, to undo
  #drag = null; // { id, from, to, startX, startY, endX, endY }; or { id, left, top, startX, startY } that moves the picture
  #cross = null; // { x, y, from } the place that keys move
  #moving = false;

  constructor(root) {
    this.#root = root;
    this.#stage = root.querySelector("[data-stage]");
    this.#sheet = root.querySelector("[data-sheet]");
    this.#picture = this.#sheet.querySelector("img");
    this.#field = root.querySelector("[data-rectangles]");
    this.#size = { width: Number(root.dataset.width), height: Number(root.dataset.height) };
    const darkest = root.dataset.darkest;
    this.#fill = `rgb(${darkest}, ${darkest}, ${darkest})`;
    this.#layer.setAttribute("viewBox", `0 0 ${this.#size.width} ${this.#size.height}`);
    this.#layer.setAttribute("aria-hidden", "true");
    this.#sheet.append(this.#layer);
    this.#list = parseRectangles(this.#field.value) ?? [];
    this.#listen();
    for (const element of root.querySelectorAll("[data-needs-script]")) element.hidden = false;
    this.#fit();
    this.#show();
    if (root.querySelector(".tr-field-error") === null) this.#stage.focus({ preventScroll: true });
  }

  #listen() {
    const stage = this.#stage;
    stage.addEventListener("pointerdown", (event) => this.#begin(event));
    stage.addEventListener("pointermove", (event) => this.#go(event));
    stage.addEventListener("pointerup", (event) => this.#end(event));
    stage.addEventListener("pointercancel", () => this.#cancel());
    stage.addEventListener("dragstart", (event) => event.preventDefault()); // the browser's own, of a picture
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    stage.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keydown", (event) => this.#keyAnywhere(event));
    this.#field.addEventListener("input", () => this.#read());
    for (const button of this.#root.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.#zoomBy(button.dataset.zoom));
    }
    this.#root.querySelector("[data-move]").addEventListener("click", () => this.#setMoving(!this.#moving));
    this.#root.querySelector("[data-undo]").addEventListener("click", () => this.#undo());
    this.#root.querySelector("[data-clear]").addEventListener("click", () => this.#replace([], "All rectangles removed"));
    new ResizeObserver(() => this.#fitting && this.#fit()).observe(stage);
    this.#sendOnce(this.#root.querySelector("form"));
  }

  // a second press would ask about a picture that has been decided
  #sendOnce(form) {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) event.preventDefault();
      sent = true;
    });
    window.addEventListener("pageshow", () => {
      sent = false;
    });
  }

  /* --- zoom ------------------------------------------------------------------------------------------------------ */

  #zoomBy(how) {
    const ratio = window.devicePixelRatio || 1;
    if (how === "fit") this.#fit();
    else if (how === "actual") this.#setZoom(1 / ratio);
    else this.#setZoom(this.#zoom * (how === "in" ? ZOOM : 1 / ZOOM));
  }

  #fittingZoom() {
    return Math.min(this.#stage.clientWidth / this.#size.width, this.#stage.clientHeight / this.#size.height);
  }

  #fit() {
    this.#setZoom(this.#fittingZoom());
    this.#fitting = true;
  }

  // what lies at `at` (CSS pixels in the stage; its middle) stays there
  #setZoom(wanted, at = { x: this.#stage.clientWidth / 2, y: this.#stage.clientHeight / 2 }) {
    const ratio = window.devicePixelRatio || 1;
    const zoom = clamp(wanted, Math.min(this.#fittingZoom(), 1 / ratio), LARGEST_ZOOM / ratio);
    const grown = zoom / this.#zoom;
    const [left, top] = [(this.#stage.scrollLeft + at.x) * grown - at.x, (this.#stage.scrollTop + at.y) * grown - at.y];
    this.#zoom = zoom;
    this.#fitting = false;
    const [width, height] = [this.#size.width * zoom, this.#size.height * zoom].map((side) => Math.max(1, Math.floor(side)));
    for (const element of [this.#picture, this.#layer]) {
      element.setAttribute("width", width);
      element.setAttribute("height", height);
    }
    this.#sheet.classList.toggle("tr-mask-pixels", zoom * ratio > 2);
    this.#stage.scrollTo(left, top);
    this.#root.querySelector("[data-zoom-now]").textContent = `${Math.round(100 * zoom * ratio)} %`;
  }

  #wheel(event) {
    if (!event.ctrlKey) return; // it scrolls; with Ctrl, or two fingers on a touchpad, it zooms
    event.preventDefault();
    const { left, top } = this.#stage.getBoundingClientRect();
    this.#setZoom(this.#zoom * 2 ** (-event.deltaY / 200), { x: event.clientX - left, y: event.clientY - top });
  }

  /* --- by pointer ------------------------------------------------------------------------------------------------ */

  #place(event) {
    const { left, top, width, height } = this.#picture.getBoundingClientRect();
    return {
      x: clamp(((event.clientX - left) / width) * this.#size.width, 0, this.#size.width),
      y: clamp(((event.clientY - top) / height) * this.#size.height, 0, this.#size.height),
    };
  }

  #begin(event) {
    if (!event.isPrimary || event.button !== 0 || !this.#sheet.contains(event.target)) return;
    if (this.#moving && event.pointerType === "touch") return; // the browser scrolls
    const start = { id: event.pointerId, startX: event.clientX, startY: event.clientY };
    if (this.#moving) {
      this.#drag = { ...start, left: this.#stage.scrollLeft, top: this.#stage.scrollTop };
    } else {
      const from = this.#place(event);
      this.#drag = { ...start, from, to: from, endX: event.clientX, endY: event.clientY };
      this.#cross = null;
    }
    this.#stage.setPointerCapture(event.pointerId);
    this.#stage.focus({ preventScroll: true });
    event.preventDefault(); // no selection of text, no drag of the picture
  }

  #go(event) {
    const drag = this.#drag;
    if (drag?.id !== event.pointerId) return;
    if (drag.from === undefined) {
      this.#stage.scrollTo(drag.left - (event.clientX - drag.startX), drag.top - (event.clientY - drag.startY));
      return;
    }
    Object.assign(drag, { to: this.#place(event), endX: event.clientX, endY: event.clientY });
    this.#draw();
  }

  #end(event) {
    const drag = this.#drag;
    if (drag?.id !== event.pointerId) return;
    this.#drag = null;
    const isSlip = Math.max(Math.abs(drag.endX - drag.startX), Math.abs(drag.endY - drag.startY)) < SLIP;
    if (drag.from !== undefined && !isSlip) this.#add(drag.from, drag.to);
    this.#draw();
  }

  #cancel() {
    this.#drag = null;
    this.#draw();
  }

  #setMoving(moving) {
    this.#moving = moving;
    this.#stage.classList.toggle("tr-mask-moving", moving);
    this.#root.querySelector("[data-move]").setAttribute("aria-pressed", String(moving));
    this.#say(moving ? "Dragging moves the image" : "Dragging draws");
  }

  /* --- by keys --------------------------------------------------------------------------------------------------- */

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const zooms = { "+": "in", "=": "in", "-": "out", 0: "fit", 1: "actual" };
    if (event.key in moves) this.#moveCross(moves[event.key], event.shiftKey);
    else if (event.key in zooms) this.#zoomBy(zooms[event.key]);
    else if (event.key === "Enter" && this.#cross !== null) this.#setCorner();
    else if (event.key === "Escape" && this.#cross !== null) this.#cross = this.#cross.from === null ? null : { ...this.#cross, from: null };
    else if (event.key.toLowerCase() === "v") this.#setMoving(!this.#moving);
    else return;
    event.preventDefault();
    this.#draw();
  }

  #moveCross([dx, dy], fine) {
    const { width, height } = this.#size;
    this.#cross ??= { x: Math.round(width / 2), y: Math.round(height / 2), from: null };
    const step = Math.max(1, Math.round(Math.max(width, height) * STEP * (fine ? FINE : 1)));
    this.#cross.x = clamp(this.#cross.x + dx * step, 0, width);
    this.#cross.y = clamp(this.#cross.y + dy * step, 0, height);
    const stage = this.#stage;
    const [x, y] = [this.#cross.x * this.#zoom, this.#cross.y * this.#zoom];
    stage.scrollTo(
      clamp(stage.scrollLeft, x - 0.9 * stage.clientWidth, x - 0.1 * stage.clientWidth),
      clamp(stage.scrollTop, y - 0.9 * stage.clientHeight, y - 0.1 * stage.clientHeight),
    );
    this.#say(`${this.#cross.x}, ${this.#cross.y}`);
  }

  #setCorner() {
    const { x, y, from } = this.#cross;
    if (from === null) {
      this.#cross.from = { x, y };
      this.#say(`First corner at ${x}, ${y}`);
    } else if (from.x !== x && from.y !== y) {
      this.#cross.from = null;
      this.#add(from, { x, y });
    }
  }

  #keyAnywhere(event) {
    const writes = event.target.closest("input, textarea, select") !== null;
    if (writes || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== "z" || event.shiftKey) return;
      event.preventDefault();
      this.#undo();
      return;
    }
    const button = this.#root.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (button === null) return;
    event.preventDefault();
    if (!button.disabled) button.focus();
    else this.#say(this.#list.length === 0 ? "Draw a rectangle first" : "There are rectangles: release it masked, or remove them");
  }

  /* --- the list -------------------------------------------------------------------------------------------------- */

  #add(from, to) {
    const made = rectangleBetween(from, to, this.#size);
    if (made === null) return;
    this.#replace([...this.#list, made], `Rectangle ${this.#list.length + 1}: ${formatRectangles([made])}`);
  }

  #replace(list, words) {
    this.#before.push(this.#list);
    this.#list = list;
    this.#field.value = formatRectangles(list);
    this.#show();
    this.#say(words);
  }

  #undo() {
    if (this.#before.length === 0) return;
    this.#list = this.#before.pop();
    this.#field.value = formatRectangles(this.#list);
    this.#show();
    this.#say(`Undone; ${this.#list.length} left`);
  }

  #read() {
    const list = parseRectangles(this.#field.value);
    if (list === null) return; // in the middle of typing; the server says what is wrong with the rest
    this.#before.push(this.#list);
    this.#list = list;
    this.#show();
  }

  #show() {
    const has = this.#field.value.trim() !== "";
    const button = (value) => this.#root.querySelector(`button[value="${value}"]`);
    if (button("released") !== null) button("released").disabled = has;
    if (button("masked") !== null) button("masked").disabled = !has;
    this.#root.querySelector("[data-undo]").disabled = this.#before.length === 0;
    this.#root.querySelector("[data-clear]").disabled = !has;
    this.#draw();
  }

  #say(words) {
    this.#root.querySelector("[data-said]").textContent = words;
  }

  /* --- drawing --------------------------------------------------------------------------------------------------- */

  #draw() {
    const shapes = this.#list.map((one) => this.#shape("rect", { ...one, fill: this.#fill }));
    const begun = this.#drag?.from !== undefined ? this.#drag : this.#cross?.from ? { from: this.#cross.from, to: this.#cross } : null;
    const draft = begun === null ? null : rectangleBetween(begun.from, begun.to, this.#size);
    if (draft !== null) shapes.push(this.#shape("rect", { ...draft, fill: this.#fill, "fill-opacity": 0.6 }));
    if (this.#cross !== null) {
      const reach = 14 / this.#zoom;
      const { x, y } = this.#cross;
      const d = `M${x - reach} ${y}H${x + reach}M${x} ${y - reach}V${y + reach}`;
      shapes.push(this.#shape("path", { d, class: "tr-mask-under" }), this.#shape("path", { d }));
    }
    this.#layer.replaceChildren(...shapes);
  }

  #shape(kind, attributes) {
    const shape = document.createElementNS(SVG, kind);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    return shape;
  }
}

const root = document.querySelector("[data-mask]");
if (root !== null) new MaskTool(root);
