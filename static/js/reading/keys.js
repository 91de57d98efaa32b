/* Which key does what. No viewer key lies beside an answer key on the common keyboards: an answer is final, and a finger
 * that slips must not give one. */

export const ANSWER_KEYS = new Map([
  ["r", "real"], ["1", "real"], ["ArrowLeft", "real"],
  ["s", "synthetic"], ["2", "synthetic"], ["ArrowRight", "synthetic"],
]);

const STEP = 1 / 32; // of the full range of grey levels
const ZOOM = 1.2;
const PAN = 48; // CSS pixels

// held down, these go on; the others act once
const CONTINUOUS = new Map([
  ["b", (viewer) => viewer.adjustWindow(-STEP, 0)],
  ["n", (viewer) => viewer.adjustWindow(STEP, 0)],
  ["c", (viewer) => viewer.adjustWindow(0, -STEP)],
  ["v", (viewer) => viewer.adjustWindow(0, STEP)],
  ["+", (viewer) => viewer.zoomAt(0, 0, ZOOM)],
  ["=", (viewer) => viewer.zoomAt(0, 0, ZOOM)], // + without Shift on a US keyboard
  ["-", (viewer) => viewer.zoomAt(0, 0, 1 / ZOOM)],
  ["h", (viewer) => viewer.panBy(PAN, 0)],
  ["j", (viewer) => viewer.panBy(0, -PAN)],
  ["k", (viewer) => viewer.panBy(0, PAN)],
  ["l", (viewer) => viewer.panBy(-PAN, 0)],
]);
const ONCE = new Map([
  ["i", (viewer) => viewer.invert()],
  ["0", (viewer) => viewer.fit()],
  ["o", (viewer) => viewer.actualSize()],
  ["u", (viewer) => viewer.reset()],
]);

export const VIEWER_KEYS = new Map([...CONTINUOUS, ...ONCE]);
export const PAGE_KEYS = new Map([["?", "help"], ["p", "pause"]]);

/** What the key of a keydown event stands for: letters whatever Caps Lock says. Null with a key held that is the browser's. */
export function nameOf(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return null;
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

export const repeats = (name) => CONTINUOUS.has(name);
