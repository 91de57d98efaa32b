/* The parts of the page around the image: what the study asks of it, state, notice, progress, time left, panels, help. */

const root = document.getElementById("reading");
const part = (name) => document.getElementById(`reading-${name}`);
const notice = part("notice");
const noticeText = part("notice-text");
const noticeButton = part("retry");
const signInLink = part("sign-in");
const progress = part("progress");
const progressBar = part("progress-bar");
const readout = part("readout");
const pauseButton = part("pause");
const timeBar = part("time");
const siteName = document.title.split(" · ").at(-1);

export { root };
export const canvases = [...root.querySelectorAll("[data-stage] canvas")];
export const help = part("help");

const number = (text) => (text ? Number(text) : null);
/** What the study asks of this page. */
export const protocol = {
  session: root.dataset.session,
  scale: root.dataset.scale,
  bits: Number(root.dataset.bitDepth),
  exposureMs: number(root.dataset.exposureLimitMs), // null: no limit
  timeMs: number(root.dataset.timeLimitMs),
  isPreview: root.hasAttribute("data-preview"),
  images: canvases.length,
  labels: { // words for what an answer can say
    real: root.dataset.realLabel,
    synthetic: root.dataset.syntheticLabel,
    left: "Left",
    right: "Right",
  },
};

export const address = (name) => root.dataset[`${name}Url`];
export const state = () => root.dataset.state;

let whenChanged = () => {};
/** `change(state)` is called after each change of the state. */
export function onState(change) {
  whenChanged = change;
}

/** loading: no picture yet; painted: too soon to answer; ready; paused; sending; feedback: on a practice image that was
 * answered; interlude: until the reader goes on; stopped: nothing more to do here. */
export function setState(next) {
  root.dataset.state = next;
  pauseButton.disabled = next !== "ready" && next !== "painted";
  whenChanged(next);
  const button = { paused: "continue", feedback: "next", interlude: "go-on" }[next];
  if (button) part(button).focus({ preventScroll: true });
}

let quietTimer = null;
export const message = {
  /** Empty text: nothing to say. `button`: its words, or none. `quiet`: goes by itself. */
  say(text, { button = "", signIn = false, quiet = false } = {}) {
    clearTimeout(quietTimer);
    noticeText.textContent = text;
    noticeButton.textContent = button;
    noticeButton.hidden = button === "";
    signInLink.hidden = !signIn;
    notice.hidden = text === "";
    notice.toggleAttribute("data-quiet", quiet);
    if (quiet) quietTimer = setTimeout(() => message.say(""), 5000);
  },

  get isSilent() {
    return notice.hidden;
  },

  pressed: () => new Promise((resolve) => noticeButton.addEventListener("click", resolve, { once: true })),
};

export function showProgress({ section, position, total }) {
  const [one, of] = [root.dataset.one, total === null ? "" : ` of ${total}`];
  const text = section === "practice" ? `Practice ${position}${of}` : `${total === null ? `${one} ` : ""}${position}${of}`;
  progress.textContent = text;
  document.title = `${text} · ${siteName}`;
  fillBar(position - 1, total);
}

function fillBar(answered, total) {
  progressBar.toggleAttribute("data-known", total !== null);
  progressBar.max = total ?? 1;
  progressBar.value = total === null ? 0 : answered;
}

export function showSettings(settings) {
  readout.textContent = settings === null
    ? ""
    : `${Math.round(settings.zoom * 100)} %\nW ${Math.round(settings.width)}\nL ${Math.round(settings.centre)}`;
  for (const button of root.querySelectorAll("[data-view]")) button.disabled = settings === null;
}

/** The image has gone because its time on the screen is over. */
export function setGone(gone) {
  root.toggleAttribute("data-gone", gone);
}

/** Of the time for an answer; null: none runs. */
export function showTimeLeft(ms) {
  if (timeBar !== null) timeBar.value = ms ?? timeBar.max;
}

const counted = (n, { one, many }) => `${n} ${n === 1 ? one : many}`;
const words = { one: root.dataset.one.toLowerCase(), many: root.dataset.many.toLowerCase() };

export function showInterlude({ kind, answered, total }) {
  const isBreak = kind === "break";
  part("interlude-title").textContent = isBreak ? "Time for a short break" : "That was the practice";
  const done = total === null ? `You have answered ${counted(answered, words)}.` : `You have answered ${answered} of ${counted(total, words)}.`;
  const coming = total === null ? "" : ` ${counted(total, words)} ${total === 1 ? "follows" : "follow"}.`;
  part("interlude-text").textContent = isBreak
    ? `${done} Rest as long as you like: no clock runs, and you may close this page and come back.`
    : `From now on your answers count.${coming} No clock runs until you continue.`;
  fillBar(answered, total);
  progress.textContent = isBreak ? "Break" : "Practice over";
  document.title = `${progress.textContent} · ${siteName}`;
}

/** `given`: what the reader's answer says; null when none came in time. */
export function showFeedback({ answer, correct }, given) {
  const { labels } = protocol;
  const yours = given === null ? "You gave none in time." : `Yours was “${labels[given]}”.`;
  part("feedback-text").textContent = `The right answer is “${labels[answer]}”. ${correct ? "So was yours." : yours}`;
}

export function toggleHelp() {
  if (help.open) help.close();
  else help.showModal();
}
