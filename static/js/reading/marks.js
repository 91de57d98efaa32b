/* Marks that a reader puts on an image, points or boxes: the list, how they are drawn, and how they are made by pointer and
 * keys. Places are in pixels of the image, so that marks follow zoom and pan. Knows nothing of answers or servers. */

const MOST = 20; // what the server takes
const SMALLEST_BOX = 4; // CSS pixels of a side; below, a drag is a slip
const STEP = 1 / 64; // of the image's side: one press of an arrow key
const FINE = 1 / 8; // of a step, with Shift
const LARGE_STAGE = 1000; // screen pixels: on a larger one, marks are drawn larger
const LIGHT = "#ffd54d"; // stands out from every grey, on a dark outline
const DARK = "#1b1b1b";

const tenth = (value) => Math.round(value * 10) / 10;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Marks {
  #kind;
  #size;
  #viewer;
  #onChange;
  #list = [];
  #before = []; // lists as they were, to undo
  #draft = null; // being made: { image, from, to }, by pointer; or the cross of the keys
  #cross = null; // { image, x, y, from } the place that keys move
  isOn = false; // what is drawn on the canvas is a mark

  /** `kind`: "point" or "box"; `size`: pixels of the image's side; `onChange()` after each change of list or mode. */
  constructor({ kind, size, viewer, onChange }) {
    this.#kind = kind;
    this.#size = size;
    this.#viewer = viewer;
    this.#onChange = onChange;
  }

  get list() {
    return this.#list.map((mark) => ({ ...mark }));
  }

  get isFull() {
    return this.#list.length >= MOST;
  }

  get canUndo() {
    return this.#before.length > 0;
  }

  setOn(on) {
    this.isOn = on;
    this.#draft = this.#cross = null;
    this.#changed();
  }

  clear() {
    this.#list = [];
    this.#before = [];
    this.setOn(false);
  }

  remove(index) {
    this.#replace(this.#list.filter((_, other) => other !== index));
  }

  undo() {
    if (!this.canUndo) return;
    this.#list = this.#before.pop();
    this.#changed();
  }

  /* --- by pointer; points in CSS pixels from the stage's centre ----------------------------------------------- */

  begin(image, point) {
    const place = this.#viewer.inPicture(image, point.x, point.y);
    if (place === null || this.isFull || !this.#holds(place)) return;
    this.#cross = null;
    this.#draft = { image, from: place, to: place, start: point, end: point };
    this.#viewer.refresh();
  }

  move(point) {
    if (this.#draft === null) return;
    const place = this.#viewer.inPicture(this.#draft.image, point.x, point.y);
    if (place === null) return;
    this.#draft.to = this.#inside(place);
    this.#draft.end = point;
    this.#viewer.refresh();
  }

  end() {
    const draft = this.#draft;
    this.#draft = null;
    if (draft === null) return;
    const moved = Math.min(Math.abs(draft.end.x - draft.start.x), Math.abs(draft.end.y - draft.start.y));
    if (this.#kind === "point" || moved >= SMALLEST_BOX) this.#add(draft);
    this.#viewer.refresh();
  }

  cancel() {
    this.#draft = null;
    this.#viewer.refresh();
  }

  /* --- by keys --------------------------------------------------------------------------------------------------- */

  /** Arrow keys move a cross, Enter puts the mark there (of a box: one corner, then the other); Tab of a pair changes the
   * side. True when the key was one of them. */
  press(name, { fine, images }) {
    if (!this.isOn) return false;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (name in moves) {
      this.#cross ??= { image: 0, x: this.#size / 2, y: this.#size / 2, from: null };
      const step = this.#size * STEP * (fine ? FINE : 1);
      const [dx, dy] = moves[name];
      Object.assign(this.#cross, this.#inside({ x: this.#cross.x + dx * step, y: this.#cross.y + dy * step }));
    } else if (name === "Enter" && this.#cross !== null) {
      this.#place();
    } else if (name === "x" && images > 1 && this.#cross !== null) {
      Object.assign(this.#cross, { image: 1 - this.#cross.image, from: null });
    } else {
      return false;
    }
    this.#viewer.refresh();
    return true;
  }

  #place() {
    const { image, x, y, from } = this.#cross;
    if (this.#kind === "point") this.#add({ image, from: { x, y }, to: { x, y } });
    else if (from === null) this.#cross.from = { x, y };
    else if (from.x !== x && from.y !== y) {
      this.#add({ image, from, to: { x, y } });
      this.#cross.from = null;
    }
  }

  /* --- drawing --------------------------------------------------------------------------------------------------- */

  /** Over the picture `index`; see Viewer. */
  draw(context, index, { left, top, zoom }) {
    const at = ({ x, y }) => ({ x: left + x * zoom, y: top + y * zoom });
    const unit = Math.max(window.devicePixelRatio || 1, Math.min(context.canvas.width, context.canvas.height) / LARGE_STAGE);
    for (const [number, mark] of this.#list.entries()) {
      if (mark.image === index) this.#drawMark(context, at, mark, unit, String(number + 1));
    }
    if (this.#draft?.image === index) this.#drawMark(context, at, this.#markOf(this.#draft), unit, "");
    if (this.#cross?.image !== index) return;
    const { from } = this.#cross;
    if (from !== null) this.#drawMark(context, at, this.#markOf({ image: index, from, to: this.#cross }), unit, "");
    const { x, y } = at(this.#cross);
    stroke(context, unit, (path) => {
      path.moveTo(x - 14 * unit, y);
      path.lineTo(x + 14 * unit, y);
      path.moveTo(x, y - 14 * unit);
      path.lineTo(x, y + 14 * unit);
    });
  }

  #drawMark(context, at, mark, unit, number) {
    const { x, y } = at(mark);
    const end = at({ x: mark.x + (mark.width ?? 0), y: mark.y + (mark.height ?? 0) });
    stroke(context, unit, (path) => {
      if (this.#kind === "box") path.rect(x, y, end.x - x, end.y - y);
      else path.arc(x, y, 9 * unit, 0, 2 * Math.PI);
    });
    if (number === "") return;
    context.font = `600 ${13 * unit}px system-ui, sans-serif`;
    context.textBaseline = "bottom";
    context.lineWidth = 3 * unit;
    context.strokeStyle = DARK;
    context.fillStyle = LIGHT;
    const where = this.#kind === "box" ? [x, y - 2 * unit] : [x + 9 * unit, y - 7 * unit];
    context.strokeText(number, ...where);
    context.fillText(number, ...where);
  }

  /* --- the list -------------------------------------------------------------------------------------------------- */

  #holds = ({ x, y }) => x >= 0 && y >= 0 && x <= this.#size && y <= this.#size;

  #inside = ({ x, y }) => ({ x: clamp(x, 0, this.#size), y: clamp(y, 0, this.#size) });

  #markOf({ image, from, to }) {
    if (this.#kind === "point") return { image, x: tenth(to.x), y: tenth(to.y) };
    const [x, y] = [tenth(Math.min(from.x, to.x)), tenth(Math.min(from.y, to.y))];
    return { image, x, y, width: tenth(Math.max(from.x, to.x) - x), height: tenth(Math.max(from.y, to.y) - y) };
  }

  #add(made) {
    const mark = this.#markOf(made);
    const isBox = this.#kind === "box";
    if (this.isFull || (isBox && (mark.width <= 0 || mark.height <= 0))) return;
    this.#replace([...this.#list, mark]);
  }

  #replace(list) {
    this.#before.push(this.#list);
    this.#list = list;
    this.#changed();
  }

  #changed() {
    this.#onChange();
    this.#viewer.refresh();
  }
}

function stroke(context, unit, trace) {
  for (const [colour, width] of [[DARK, 4], [LIGHT, 2]]) {
    context.beginPath();
    trace(context);
    context.strokeStyle = colour;
    context.lineWidth = width * unit;
    context.stroke();
  }
}
