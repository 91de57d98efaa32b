/* Which key does what. No viewer key lies beside a key that answers on the common keyboards: an answer is final, and a
 * finger that slips must not give one. On the scale of 0 to 100 digits and arrows set a value; only Enter answers. */

const REAL = { value: "real" };
const SYNTHETIC = { value: "synthetic" };
const LEFT = { value: "left" };
const RIGHT = { value: "right" };

/** By scale: keys that answer at once, and what they say. */
export const ANSWER_KEYS = {
  binary: new Map([
    ["r", REAL], ["1", REAL], ["ArrowLeft", REAL],
    ["s", SYNTHETIC], ["2", SYNTHETIC], ["ArrowRight", SYNTHETIC],
  ]),
  confidence: new Map([1, 2, 3, 4, 5, 6].map((rating) => [String(rating), { rating }])),
  percent: new Map(),
  pair: new Map([["1", LEFT], ["ArrowLeft", LEFT], ["2", RIGHT], ["ArrowRight", RIGHT]]),
};

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
const ONCE = [
  ["i", (viewer) => viewer.invert()],
  ["o", (viewer) => viewer.actualSize()],
  ["u", (viewer) => viewer.reset()],
];

/** By scale: 0 is a digit of the value where one is typed. */
export function viewerKeys(scale) {
  return new Map([...CONTINUOUS, ...ONCE, [scale === "percent" ? "f" : "0", (viewer) => viewer.fit()]]);
}

export const PAGE_KEYS = new Map([["?", "help"], ["p", "pause"]]);
export const MARK_KEYS = new Map([["m", "mark"]]);

/** What the key of a keydown event stands for: letters whatever Caps Lock says. Null with a key held that is the browser's. */
export function nameOf(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return null;
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

export const isUndo = (event) => (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "z";

export const repeats = (name) => CONTINUOUS.has(name);
