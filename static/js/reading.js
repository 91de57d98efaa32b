/* The reading page: puts the viewer, the protocol and the events of mouse, touch and keys together. */

import { answerControls } from "./reading/answering.js";
import { attachControls } from "./reading/controls.js";
import { checkDisplay } from "./reading/display-check.js";
import { ANSWER_KEYS, MARK_KEYS, PAGE_KEYS, isUndo, nameOf, repeats, viewerKeys } from "./reading/keys.js";
import { Notes } from "./reading/notes.js";
import { canvases, help, onState, protocol, root, setState, showSettings, state, toggleHelp } from "./reading/page.js";
import { Session } from "./reading/session.js";
import { Viewer } from "./reading/viewer.js";

const stopButton = document.getElementById("reading-stop");
const viewer = new Viewer(canvases, {
  onChange: showSettings,
  onDraw: (context, index, place) => notes.draw(context, index, place),
});
const notes = new Notes(root, viewer);
const answering = answerControls(document.getElementById("reading-answers"), {
  keys: ANSWER_KEYS[protocol.scale],
  respond: (given, event) => session.respond(given, event),
});
const session = new Session(viewer, { answering, notes });
const VIEWER_KEYS = viewerKeys(protocol.scale);

const VIEWS = {
  fit: () => viewer.fit(),
  actual: () => viewer.actualSize(),
  in: () => viewer.zoomAt(0, 0, 1.2),
  out: () => viewer.zoomAt(0, 0, 1 / 1.2),
  invert: () => viewer.invert(),
  reset: () => viewer.reset(),
};

onState((next) => {
  const isOpen = next === "ready" || next === "painted";
  answering.enable(next === "ready");
  notes.enable({ image: isOpen && !session.isGone, comment: isOpen });
});
for (const [index, canvas] of canvases.entries()) attachControls(viewer, canvas, { index, marks: notes.marks });
for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", VIEWS[button.dataset.view]);
}
for (const button of document.querySelectorAll("[data-help]")) button.addEventListener("click", toggleHelp);
const onClick = (id, act) => document.getElementById(id).addEventListener("click", act);
onClick("reading-pause", () => session.togglePause());
onClick("reading-continue", () => session.togglePause());
onClick("reading-next", () => session.next());
onClick("reading-go-on", () => session.goOn());
onClick("reading-stop", () => {
  const wanted = stopButton.getAttribute("aria-pressed") !== "true";
  stopButton.setAttribute("aria-pressed", String(wanted));
  session.stopsAfterThis = wanted;
});

/** True when the key has a meaning here; then it has acted. */
function press(event) {
  const name = nameOf(event);
  if (name === null) {
    if (!isUndo(event) || help.open) return false;
    notes.undo();
    return true;
  }
  if (PAGE_KEYS.get(name) === "help") {
    if (!event.repeat) toggleHelp();
    return true;
  }
  if (help.open) return false; // behind the help nothing happens
  if (notes.press(name, event, protocol.images)) return true;
  if (answering.press(name, event)) return true;
  if (event.repeat && !repeats(name)) return VIEWER_KEYS.has(name) || PAGE_KEYS.has(name);
  if (VIEWER_KEYS.has(name)) VIEWER_KEYS.get(name)(viewer);
  else if (PAGE_KEYS.get(name) === "pause") session.togglePause();
  else if (MARK_KEYS.has(name) && notes.marks !== null) notes.toggleMarking();
  else return false;
  return true;
}

const isTyping = (element) => element instanceof HTMLElement && element.matches("textarea, input:not([type=range], [type=checkbox])");

document.addEventListener("keydown", (event) => {
  if (isTyping(event.target)) { // what is typed is text, never an answer
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (press(event)) event.preventDefault();
});
document.addEventListener("visibilitychange", () => session.visibilityChanged());
window.addEventListener("pageshow", (event) => {
  if (event.persisted) session.attend(); // brought back by the back button: ask where we are
});
window.addEventListener("beforeunload", (event) => {
  if (state() === "sending" && !session.isKept) event.preventDefault(); // an answer would be lost
});
document.getElementById("reading-needs-script").remove();

setState("loading");
const displayCheck = document.getElementById("reading-display");
if (displayCheck) session.displayCheck = await checkDisplay(displayCheck, canvases[0]);
session.attend();
