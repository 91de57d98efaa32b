/* The reading page: puts the viewer, the protocol and the events of mouse, touch and keys together. */

import { attachControls } from "./reading/controls.js";
import { checkDisplay } from "./reading/display-check.js";
import { ANSWER_KEYS, PAGE_KEYS, VIEWER_KEYS, nameOf, repeats } from "./reading/keys.js";
import { answerButtons, canvas, help, setState, showSettings, state, toggleHelp } from "./reading/page.js";
import { Session } from "./reading/session.js";
import { Viewer } from "./reading/viewer.js";

const stopButton = document.getElementById("reading-stop");
const viewer = new Viewer(canvas, { onChange: showSettings });
const session = new Session(viewer);

const VIEWS = {
  fit: () => viewer.fit(),
  actual: () => viewer.actualSize(),
  in: () => viewer.zoomAt(0, 0, 1.2),
  out: () => viewer.zoomAt(0, 0, 1 / 1.2),
  invert: () => viewer.invert(),
  reset: () => viewer.reset(),
};

attachControls(viewer, canvas);
for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", VIEWS[button.dataset.view]);
}
for (const button of answerButtons) {
  button.addEventListener("click", (event) => session.respond(button.dataset.answer, event));
}
for (const button of document.querySelectorAll("[data-help]")) button.addEventListener("click", toggleHelp);
for (const id of ["reading-pause", "reading-continue"]) {
  document.getElementById(id).addEventListener("click", () => session.togglePause());
}
stopButton.addEventListener("click", () => {
  const wanted = stopButton.getAttribute("aria-pressed") !== "true";
  stopButton.setAttribute("aria-pressed", String(wanted));
  session.stopsAfterThis = wanted;
});

document.addEventListener("keydown", (event) => {
  const name = nameOf(event);
  if (name === null || (help.open && PAGE_KEYS.get(name) !== "help")) return; // behind the help nothing happens
  const known = ANSWER_KEYS.has(name) || VIEWER_KEYS.has(name) || PAGE_KEYS.has(name);
  if (!known) return;
  event.preventDefault();
  if (event.repeat && !repeats(name)) return;
  if (ANSWER_KEYS.has(name)) session.respond(ANSWER_KEYS.get(name), event);
  else if (VIEWER_KEYS.has(name)) VIEWER_KEYS.get(name)(viewer);
  else if (PAGE_KEYS.get(name) === "help") toggleHelp();
  else session.togglePause();
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
if (displayCheck) session.displayCheck = await checkDisplay(displayCheck, canvas);
session.attend();
