/* Mouse, pen, touch and buttons of a viewer. One finger, the pen or the left button: window and level, or a mark while the
 * reader marks. The other buttons, or Shift: pan. Two fingers: pan and zoom. Wheel: zoom at the pointer. */

const WHEEL_LINE = 16; // CSS pixels for one line of a wheel that counts lines
const WHEEL_ZOOM = 0.0015; // per CSS pixel of wheel
const PINCH_ZOOM = 0.01; // the same for a touchpad's pinch, which arrives as a wheel with Ctrl

/** `index`: of the canvas among those of the viewer; `marks`: null where the study takes none. */
export function attachControls(viewer, canvas, { index = 0, marks = null } = {}) {
  const pointers = new Map(); // id -> where it was last

  const fromCentre = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    const pans = event.button !== 0 || event.shiftKey;
    const marksHere = !pans && pointers.size === 0 && Boolean(marks?.isOn);
    const place = fromCentre(event);
    if (pointers.size > 0) stopMarking(); // a second finger: the first one was the beginning of a pinch
    pointers.set(event.pointerId, { ...place, pans, marks: marksHere });
    if (marksHere) marks.begin(index, place);
    event.preventDefault(); // no selection, no autoscroll by the middle button
  });

  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = fromCentre(event);
    if (pointers.size >= 2) {
      pinch(before, now, [...pointers].find(([id]) => id !== event.pointerId)[1]);
    } else if (before.marks) {
      marks.move(now);
    } else if (before.pans) {
      viewer.panBy(now.x - before.x, now.y - before.y);
    } else {
      viewer.dragWindow(now.x - before.x, now.y - before.y);
    }
    Object.assign(before, now);
  });

  // one finger has moved, the other rests: pan by how their middle moved, zoom by how their distance grew
  function pinch(before, now, other) {
    viewer.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
    const distance = Math.hypot(before.x - other.x, before.y - other.y);
    const grown = Math.hypot(now.x - other.x, now.y - other.y);
    if (distance > 0 && grown > 0) viewer.zoomAt((now.x + other.x) / 2, (now.y + other.y) / 2, grown / distance);
  }

  function stopMarking() {
    for (const pointer of pointers.values()) {
      if (pointer.marks) marks.cancel();
      pointer.marks = false;
    }
  }

  canvas.addEventListener("pointerup", (event) => {
    const pointer = pointers.get(event.pointerId);
    if (!pointer?.marks) return;
    marks.move(fromCentre(event));
    marks.end();
    pointer.marks = false;
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      if (pointers.get(event.pointerId)?.marks) stopMarking();
      pointers.delete(event.pointerId);
      for (const rest of pointers.values()) rest.pans = true; // the finger that stays does not change the window
    });
  }

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * WHEEL_LINE;
    const { x, y } = fromCentre(event);
    viewer.zoomAt(x, y, Math.exp(-pixels * (event.ctrlKey ? PINCH_ZOOM : WHEEL_ZOOM)));
  }, { passive: false });

  canvas.addEventListener("dblclick", () => {
    if (!marks?.isOn) viewer.toggleFit();
  });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
}
