/* Mouse, pen, touch and buttons of a viewer. One finger, the pen or the left button: window and level. The other
 * buttons, or Shift: pan. Two fingers: pan and zoom. Wheel: zoom at the pointer. */

const WHEEL_LINE = 16; // CSS pixels for one line of a wheel that counts lines
const WHEEL_ZOOM = 0.0015; // per CSS pixel of wheel
const PINCH_ZOOM = 0.01; // the same for a touchpad's pinch, which arrives as a wheel with Ctrl

export function attachControls(viewer, canvas) {
  const pointers = new Map(); // id -> where it was last

  const fromCentre = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { ...fromCentre(event), pans: event.button !== 0 || event.shiftKey });
    event.preventDefault(); // no selection, no autoscroll by the middle button
  });

  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = fromCentre(event);
    if (pointers.size >= 2) {
      pinch(before, now, [...pointers].find(([id]) => id !== event.pointerId)[1]);
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

  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
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

  canvas.addEventListener("dblclick", () => viewer.toggleFit());
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
}
