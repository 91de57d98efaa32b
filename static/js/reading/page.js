/* The parts of the page around the image: state, notice, progress, help. */

const root = document.getElementById("reading");
const notice = document.getElementById("reading-notice");
const noticeText = document.getElementById("reading-notice-text");
const noticeButton = document.getElementById("reading-retry");
const signInLink = document.getElementById("reading-sign-in");
const progress = document.getElementById("reading-progress");
const progressBar = document.getElementById("reading-progress-bar");
const readout = document.getElementById("reading-readout");
export const canvas = document.getElementById("reading-canvas");
export const help = document.getElementById("reading-help");
export const answerButtons = [...root.querySelectorAll("[data-answer]")];

const pauseButton = document.getElementById("reading-pause");
const continueButton = document.getElementById("reading-continue");
let focused = null; // answer button that had the focus when it was disabled

export const sessionId = root.dataset.session;
export const address = (name) => root.dataset[`${name}Url`];
export const state = () => root.dataset.state;

/** loading: no picture yet; painted: too soon to answer; ready; paused; sending; stopped: nothing more to do here. */
export function setState(next) {
  if (next !== "ready" && answerButtons.includes(document.activeElement)) focused = document.activeElement;
  root.dataset.state = next;
  for (const button of answerButtons) button.disabled = next !== "ready";
  pauseButton.disabled = next !== "ready" && next !== "painted";
  if (next === "paused") continueButton.focus({ preventScroll: true });
  if (next === "ready" && focused) {
    focused.focus({ preventScroll: true });
    focused = null;
  }
}

export const message = {
  /** Empty text: nothing to say. `button`: its words, or none. */
  say(text, { button = "", signIn = false } = {}) {
    noticeText.textContent = text;
    noticeButton.textContent = button;
    noticeButton.hidden = button === "";
    signInLink.hidden = !signIn;
    notice.hidden = text === "";
  },

  pressed: () => new Promise((resolve) => noticeButton.addEventListener("click", resolve, { once: true })),
};

export function showProgress({ position, total }) {
  progress.textContent = `${position} of ${total}`;
  progressBar.max = total;
  progressBar.value = position - 1;
}

export function showSettings(settings) {
  readout.textContent = settings === null
    ? ""
    : `${Math.round(settings.zoom * 100)} %\nW ${Math.round(settings.width)}\nL ${Math.round(settings.centre)}`;
  for (const button of root.querySelectorAll("[data-view]")) button.disabled = settings === null;
}

export function toggleHelp() {
  if (help.open) help.close();
  else help.showModal();
}
