/* Mouse, pen and touch on the stage. Left button, pen or one finger: draw a rectangle, move it by its inside, change it by
 * its edges; with Alt always draw. A press on another region: that one is the current. Right button: brightness and contrast. Middle button, or Shift: move the image. Two fingers: move and zoom.
 * Wheel: zoom at the pointer. */

import { boxBetween } from "./editor.js";
import { HANDLE } from "./painting.js";

const WHEEL_LINE = 16; // CSS pixels
const WHEEL_ZOOM = 0.0015; // per CSS pixel
const PINCH_ZOOM = 0.01;

export function attachPointer(canvas, stage, editor, isReady) {
  const pointers = new Map(); // id -> where it was last, CSS pixels
  let drag = null; // what the first pointer does

  const where = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (!isReady()) return;
    canvas.setPointerCapture(event.pointerId);
    const place = where(event);
    pointers.set(event.pointerId, place);
    if (pointers.size > 1) cancelDrag(); // the first finger was the beginning of a pinch
    else drag = begin(event, place);
  });

  function begin(event, place) {
    if (event.button === 2) return { kind: "window" };
    if (event.button === 1 || event.shiftKey) return { kind: "pan" };
    const point = stage.inImage(place.x, place.y);
    const isDrawn = editor.current.box !== null && !event.altKey; // else whatever lies there is drawn over
    const held = isDrawn ? holdOf(point) : null;
    if (held !== null) editor.activate(held.index);
    editor.endMerge();
    return { kind: "draw", start: point, held, box: editor.regions[held?.index ?? 0].box, isNew: event.altKey, moved: false };
  }

  // the current region first: it lies on top
  function holdOf(point) {
    const near = stage.inImagePixels(HANDLE);
    const order = [editor.active, ...editor.regions.keys()].filter((index) => editor.regions[index].box !== null);
    for (const index of order) {
      const { x, y, width, height } = editor.regions[index].box;
      const inside = point.x > x - near && point.x < x + width + near && point.y > y - near && point.y < y + height + near;
      if (!inside) continue;
      const edges = {
        left: Math.abs(point.x - x) <= near, right: Math.abs(point.x - x - width) <= near,
        top: Math.abs(point.y - y) <= near, bottom: Math.abs(point.y - y - height) <= near,
      };
      const onEdge = Object.values(edges).includes(true);
      if (onEdge && index !== editor.active) continue; // edges are those of the current one alone
      return { index, edges: onEdge ? edges : null };
    }
    return null;
  }

  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    const now = where(event);
    if (before === undefined) return showHold(now);
    if (pointers.size >= 2) pinch(before, now, [...pointers].find(([id]) => id !== event.pointerId)[1]);
    else if (drag?.kind === "window") stage.adjustWindow((now.y - before.y) / 500, (now.x - before.x) / 500);
    else if (drag?.kind === "pan") stage.panBy(now.x - before.x, now.y - before.y);
    else if (drag?.kind === "draw") draw(stage.inImage(now.x, now.y));
    pointers.set(event.pointerId, now);
  });

  function showHold(place) {
    const held = isReady() ? holdOf(stage.inImage(place.x, place.y)) : null;
    if (held === null) canvas.style.cursor = "crosshair";
    else if (held.edges === null) canvas.style.cursor = "move";
    else canvas.style.cursor = cursorOf(held.edges);
  }

  function draw(point) {
    const { start, held, box } = drag;
    if (!drag.moved && Math.hypot(point.x - start.x, point.y - start.y) < stage.inImagePixels(3)) return; // a press, not a drag
    if (!drag.moved && held === null && !drag.isNew) chooseForNew();
    drag.moved = true;
    if (held === null) editor.setBox(boxBetween(start, point, editor.size), "drag");
    else if (held.edges === null) editor.setBox(movedBox(box, point.x - start.x, point.y - start.y, editor.size), "drag");
    else editor.setBox(stretched(box, held.edges, point.x - start.x, point.y - start.y, editor.size), "drag");
  }

  // drawn beside a region that is complete: the next one that is not there yet
  function chooseForNew() {
    const { box, label } = editor.current;
    if (box !== null && label !== "" && editor.firstOpen !== -1) editor.activate(editor.firstOpen);
  }

  function cancelDrag() {
    if (drag?.kind === "draw" && drag.moved) editor.undo();
    drag = { kind: "pinch" };
  }

  function pinch(before, now, other) {
    stage.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
    const distance = Math.hypot(before.x - other.x, before.y - other.y);
    const grown = Math.hypot(now.x - other.x, now.y - other.y);
    if (distance > 0 && grown > 0) stage.zoomBy(grown / distance, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }

  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (pointers.size === 0) {
        if (drag?.kind === "draw" && !drag.moved) editor.activate(holdOf(drag.start)?.index ?? editor.active);
        drag = null;
        editor.endMerge();
      }
    });
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * WHEEL_LINE;
    stage.zoomBy(Math.exp(-pixels * (event.ctrlKey ? PINCH_ZOOM : WHEEL_ZOOM)), where(event));
  }, { passive: false });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
}

function movedBox(box, dx, dy, { width, height }) {
  const x = Math.min(Math.max(Math.round(box.x + dx), 0), width - box.width);
  const y = Math.min(Math.max(Math.round(box.y + dy), 0), height - box.height);
  return { ...box, x, y };
}

function stretched(box, edges, dx, dy, size) {
  const one = { x: box.x + (edges.left ? dx : 0), y: box.y + (edges.top ? dy : 0) };
  const other = { x: box.x + box.width + (edges.right ? dx : 0), y: box.y + box.height + (edges.bottom ? dy : 0) };
  return boxBetween(one, other, size);
}

function cursorOf({ left, right, top, bottom }) {
  if ((left && top) || (right && bottom)) return "nwse-resize";
  if ((right && top) || (left && bottom)) return "nesw-resize";
  return left || right ? "ew-resize" : "ns-resize";
}
