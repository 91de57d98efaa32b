/* The regions of one image while they are drawn: rectangles in whole pixels of the image, labels, and the way back. Knows
 * nothing of canvases, keys or servers. */

export const SMALLEST = 4; // px, as the server has it
const FIRST_SHARE = 0.3; // of the image's sides, for a rectangle that the keyboard puts down

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** A rectangle from any two corners (pixels of the image, not whole), inside an image of width x height. */
export function boxBetween(a, b, { width, height }) {
  const left = clamp(Math.round(Math.min(a.x, b.x)), 0, width);
  const right = clamp(Math.round(Math.max(a.x, b.x)), 0, width);
  const top = clamp(Math.round(Math.min(a.y, b.y)), 0, height);
  const bottom = clamp(Math.round(Math.max(a.y, b.y)), 0, height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** The same rectangle on an image of another size, by proportion. */
export function scaledBox(box, from, to) {
  const across = to.width / from.width;
  const down = to.height / from.height;
  const corner = { x: box.x * across, y: box.y * down };
  return boxBetween(corner, { x: corner.x + box.width * across, y: corner.y + box.height * down }, to);
}

const empty = (name) => ({ name, box: null, label: "", reason: "", offered: false, takenFrom: "" });

export class Editor {
  #names;
  #size = { width: 1, height: 1 };
  #regions = [];
  #before = []; // states to go back to
  #merging = null; // changes with this name belong to the last state: a drag, or a key that is held
  #onChange;

  /** `onChange(what)` after every change: "regions" or "active". */
  constructor(names, onChange) {
    this.#names = names;
    this.#onChange = onChange;
    this.#regions = names.map(empty);
    this.active = 0;
    this.changed = false;
  }

  load(size, regions, { changed = false } = {}) {
    this.#size = size;
    this.#regions = this.#names.map((name) => ({ ...empty(name), ...regions?.find((one) => one.name === name) }));
    this.#before = [];
    this.#merging = null;
    this.active = 0;
    this.changed = changed;
    this.#onChange("regions");
  }

  get regions() {
    return this.#regions;
  }

  get current() {
    return this.#regions[this.active];
  }

  get size() {
    return this.#size;
  }

  get canUndo() {
    return this.#before.length > 0;
  }

  snapshot() {
    return structuredClone(this.#regions);
  }

  activate(index) {
    if (index === this.active || index < 0 || index >= this.#regions.length) return;
    this.active = index;
    this.#merging = null;
    this.#onChange("active");
  }

  /** The first region without a rectangle and without a reason; -1 when there is none. */
  get firstOpen() {
    return this.#regions.findIndex((one) => one.box === null && one.reason === "");
  }

  /** What the image still lacks, in words; "" when it can be saved. */
  get lack() {
    for (const one of this.#regions) {
      if (one.reason !== "") continue;
      if (one.box === null) return `${one.name}: draw it, or say that it is not visible`;
      if (one.box.width < SMALLEST || one.box.height < SMALLEST) return `${one.name}: the rectangle is too small`;
      if (one.label === "") return `${one.name}: give it a label`;
    }
    return "";
  }

  /** A change of the current region. With `merge`, changes of that name that follow one another are one step back. */
  #change(change, merge = null) {
    const tag = merge === null ? null : `${merge} ${this.active}`;
    if (tag === null || tag !== this.#merging) this.#before.push({ regions: this.snapshot(), active: this.active });
    this.#merging = tag;
    change(this.current);
    this.changed = true;
    this.#onChange("regions");
  }

  setBox(box, merge = null) {
    this.#change((one) => Object.assign(one, { box, reason: "", offered: false, takenFrom: "" }), merge);
  }

  endMerge() {
    this.#merging = null;
  }

  setLabel(label) {
    if (this.current.label === label && this.current.reason === "") return;
    this.#change((one) => Object.assign(one, { label, reason: "", takenFrom: "" }));
  }

  setReason(reason, merge = null) {
    this.#change((one) => Object.assign(one, { box: null, label: "", reason, offered: false, takenFrom: "" }), merge);
  }

  clear() {
    if (this.current.box === null && this.current.reason === "") return;
    this.#change((one) => Object.assign(one, { box: null, reason: "", offered: false, takenFrom: "" }));
  }

  /** What somebody else drew, as it is. */
  take(region, code) {
    this.#change((one) => Object.assign(one, { ...structuredClone(region), name: one.name, offered: false, takenFrom: code }));
  }

  /** Arrows: by dx, dy pixels; inside the image. Without a rectangle, one is put down first. */
  move(dx, dy) {
    const { box } = this.current;
    if (box === null) return this.putDown();
    const x = clamp(box.x + dx, 0, this.#size.width - box.width);
    const y = clamp(box.y + dy, 0, this.#size.height - box.height);
    if (x !== box.x || y !== box.y) this.setBox({ ...box, x, y }, "keys");
  }

  /** Shift and arrows: the right or the lower edge moves. */
  resize(dx, dy) {
    const { box } = this.current;
    if (box === null) return this.putDown();
    const width = clamp(box.width + dx, SMALLEST, this.#size.width - box.x);
    const height = clamp(box.height + dy, SMALLEST, this.#size.height - box.y);
    if (width !== box.width || height !== box.height) this.setBox({ ...box, width, height }, "keys");
  }

  /** A rectangle to begin with: regions side by side, in their order from left to right. */
  putDown() {
    const { width, height } = this.#size;
    const box = { width: Math.max(SMALLEST, Math.round(width * FIRST_SHARE)), height: Math.max(SMALLEST, Math.round(height * FIRST_SHARE)) };
    const centre = ((this.active + 0.5) / this.#regions.length) * width;
    box.x = clamp(Math.round(centre - box.width / 2), 0, width - box.width);
    box.y = Math.round((height - box.height) / 2);
    this.setBox(box);
  }

  undo() {
    const before = this.#before.pop();
    if (before === undefined) return;
    this.#regions = before.regions;
    this.active = before.active;
    this.#merging = null;
    this.changed = true;
    this.#onChange("regions");
  }

  /** As the server takes them. */
  get payload() {
    return this.#regions.map(({ name, box, label, reason, offered, takenFrom }) => (
      box === null
        ? { name, reason, taken_from: takenFrom }
        : { name, ...box, label, was_offered: offered, taken_from: takenFrom }
    ));
  }
}

/** Regions as the server gives them, as the editor has them. */
export function fromServer(regions) {
  return regions?.map((one) => ({
    name: one.name,
    box: one.width ? { x: one.x, y: one.y, width: one.width, height: one.height } : null,
    label: one.label ?? "",
    reason: one.reason ?? "",
    offered: one.was_offered ?? false,
    takenFrom: one.taken_from ?? "",
  })) ?? null;
}
