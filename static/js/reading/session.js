/* The protocol: shows one image, takes one answer, waits until the server has stored it, shows the next. The server decides
 * what is current; this page asks it and holds no list of images. */

import { Limit, ReadingClock, nextFrame, painted } from "./clock.js";
import { forgetAnswer, keepAnswer, keptAnswer } from "./outbox.js";
import {
  address, canvases, message, protocol, setGone, setState, showFeedback, showInterlude, showProgress, showTimeLeft, state,
} from "./page.js";
import { describeScreen } from "./screen.js";
import { Refused, newKey, persist, post, request } from "./server.js";
import { picturesOf } from "./viewer.js";

const ANTICIPATION_MS = 300; // a response this soon after the first frame belongs to the image before (double press)
const AFTER_TIME_MS = 1000; // the same when the image before went by itself: the reader was about to answer that
const EMPTIES_MS = 150; // an answer is mostly stored sooner: then the next image takes the place of the last, with no dark in between
const WORDLESS_MS = 2000; // how long storing may take without a word
const TICK_MS = 250; // of the time that is left
const NOT_STORED = "Your answer is not stored yet.";
const NOT_STORED_KEPT = "Your answer is not stored yet. This browser keeps it, also when you reload or close the page.";
// asking again will not store it; "elsewhere" may: the page that goes on there is another one
const FINAL_REFUSALS = new Set(["answered-already", "closed", "invalid", "not-current", "not-shown", "unknown-image"]);
const LOAD_FAILED = "The image could not be loaded.";
const NOT_GOING_ON = "Reading could not go on yet.";
const TIME_OVER = "The time for the last image was over: it has no answer.";

export class Session {
  #viewer;
  #notes; // marks and comment
  #answering; // the controls of the answer
  #attendance = ""; // this page's right to read
  #current = null; // what the server calls current
  #pictures = null; // of it
  #ahead = null; // the image after it: { token, pictures }, a promise
  #clock = null; // reading time of the image
  #limits = []; // of the time it is shown, and of the time for an answer
  #isGone = false; // the time it is shown is over
  #ticker = null;
  #emptying = null; // the timer that takes an answered image off the stage
  #afterFeedback = null; // where the reader is once the feedback was read
  #moves = 0; // to the server's current image, in a row; if it refuses that too, asking for ever would not help
  #keepNotice = false;
  #isLate = false; // the time for the image before was over
  stopsAfterThis = false;
  isKept = false; // the answer being sent would outlive this page
  displayCheck = {}; // what the reader said of the test pattern, to be stored with the session

  constructor(viewer, { answering, notes }) {
    this.#viewer = viewer;
    this.#answering = answering;
    this.#notes = notes;
  }

  /** Reading goes on in this page and no other. An answer that an earlier page could not send is sent first. */
  async attend() {
    this.#clear("loading");
    this.#ahead = null;
    try {
      const { attendance, current } = await persist(
        () => post(address("attend"), { ...describeScreen(canvases[0]), ...this.displayCheck }), LOAD_FAILED, message,
      );
      this.#attendance = attendance;
      this.displayCheck = {};
      const kept = protocol.isPreview ? null : keptAnswer(protocol.session);
      this.isKept = kept !== null;
      if (kept === null) await this.#show(current);
      else await this.#send({ ...kept, stop: false }); // who comes back does not want to stop
    } catch (error) {
      await this.#stop(error);
    }
  }

  /** `given`: { value } or { rating }. */
  async respond(given, event) {
    if (state() !== "ready") return;
    await this.#answer(given, event);
  }

  async #answer(given, event) {
    const times = this.#clock.stop(event);
    message.say("");
    const answer = {
      token: this.#current.token, ...given, ...this.#notes.taken(), idempotency_key: newKey(), ...times, stop: this.stopsAfterThis,
    };
    this.isKept = !protocol.isPreview && keepAnswer(protocol.session, answer);
    await this.#send(answer);
  }

  // The next image is shown once the answer is stored, and not before.
  async #send(answer) {
    const sending = persist(
      () => post(address("answer"), { ...answer, attendance: this.#attendance }),
      this.isKept ? NOT_STORED_KEPT : NOT_STORED,
      message,
    );
    const pictures = this.#pictures;
    this.#leave("sending"); // in the same task, after the request is under way
    this.#emptying = setTimeout(() => this.#viewer.clear(), EMPTIES_MS);
    const telling = setTimeout(() => {
      if (message.isSilent) message.say("Storing your answer…");
    }, WORDLESS_MS);
    try {
      const stored = await sending.finally(() => clearTimeout(telling));
      forgetAnswer(protocol.session, answer);
      message.say("");
      this.#moves = 0;
      this.#isLate = answer.value === "none";
      if (stored.feedback) this.#explain(stored, answer, pictures);
      else await this.#show(stored.next);
    } catch (error) {
      if (error instanceof Refused && FINAL_REFUSALS.has(error.code)) forgetAnswer(protocol.session, answer);
      await this.#afterRefusal(error);
    }
  }

  visibilityChanged() {
    this.#clock?.visibilityChanged();
    this.#checkLimits();
  }

  #clear(next) {
    this.#leave(next);
    this.#viewer.clear();
  }

  // Nothing can be done with the image any more, though it may still be seen.
  #leave(next) {
    clearTimeout(this.#emptying);
    this.#endLimits();
    this.#clock = null;
    this.#pictures = null;
    this.#isGone = false;
    setGone(false);
    setState(next);
  }

  async #show(current) {
    if (current.state === "interlude") {
      this.#rest(current);
      return;
    }
    if (current.state !== "reading") { // finished, or the reader wanted to stop
      this.#clear("stopped");
      if (current.state === "finished") location.replace(current.url);
      else location.assign(current.url);
      return;
    }
    this.#current = current;
    showProgress(current);
    const pictures = await this.#load(current);
    if (this.#isLate) message.say(TIME_OVER, { quiet: true });
    else if (!this.#keepNotice) message.say("");
    this.#keepNotice = false;
    if (document.hidden) await nextFrame(); // nobody sees it yet
    this.#pictures = pictures;
    this.#notes.clear();
    this.#answering.reset();
    clearTimeout(this.#emptying);
    this.#viewer.show(pictures);
    await painted();
    this.#clock = new ReadingClock();
    setState("painted");
    this.#startLimits();
    this.#allowAnswers(this.#isLate ? AFTER_TIME_MS : ANTICIPATION_MS);
    this.#isLate = false;
    this.#fetchAhead(current);
  }

  /** Takes the image off the screen and stops its clock, or puts it back. */
  async togglePause() {
    if (state() === "ready" || state() === "painted") {
      this.#clock.pause();
      this.#checkLimits();
      this.#viewer.setBlank(true);
      setState("paused");
    } else if (state() === "paused") {
      setState("painting");
      if (!this.#isGone) this.#viewer.setBlank(false);
      await painted();
      this.#clock.resume();
      setState("painted");
      this.#checkLimits();
      this.#allowAnswers(ANTICIPATION_MS);
    }
  }

  #allowAnswers(wait) {
    const clock = this.#clock;
    setTimeout(() => {
      if (state() === "painted" && clock === this.#clock) setState("ready");
    }, wait);
  }

  /* --- limits of time ------------------------------------------------------------------------------------------ */

  #startLimits() {
    const clock = this.#clock;
    const { exposureMs, timeMs } = protocol;
    if (exposureMs !== null) {
      this.#limits.push(new Limit(exposureMs, {
        time: () => clock.visible(),
        runs: () => !clock.isPaused && !document.hidden,
        over: () => this.#takeOff(),
      }));
    }
    if (timeMs !== null) {
      const limit = new Limit(timeMs, {
        time: () => clock.elapsed(),
        runs: () => !clock.isPaused,
        over: () => this.#answer({ value: "none" }, { timeStamp: performance.now() }),
      });
      this.#limits.push(limit);
      this.#ticker = setInterval(() => showTimeLeft(limit.left), TICK_MS);
    }
  }

  #checkLimits() {
    for (const limit of this.#limits) limit.check();
  }

  #endLimits() {
    for (const limit of this.#limits) limit.end();
    this.#limits = [];
    clearInterval(this.#ticker);
    showTimeLeft(null);
  }

  // The image has been in sight long enough. It can still be answered.
  #takeOff() {
    this.#isGone = true;
    setGone(true);
    this.#viewer.setBlank(true);
    setState(state());
  }

  get isGone() {
    return this.#isGone;
  }

  /* --- between two images --------------------------------------------------------------------------------------- */

  // Of a practice image: what it was, with the image to look at once more, unless it is to be seen for a short time only.
  #explain({ feedback, next }, { value }, pictures) {
    const opposite = { real: "synthetic", synthetic: "real", left: "right", right: "left" };
    const wrong = value === "none" ? null : opposite[feedback.answer];
    this.#afterFeedback = next;
    showFeedback(feedback, feedback.correct ? feedback.answer : wrong);
    clearTimeout(this.#emptying);
    if (pictures !== null && protocol.exposureMs === null) this.#viewer.show(pictures);
    else this.#viewer.clear();
    setState("feedback");
  }

  /** The reader has read the feedback. */
  async next() {
    if (state() !== "feedback") return;
    this.#clear("loading");
    try {
      await this.#show(this.#afterFeedback);
    } catch (error) {
      await this.#afterRefusal(error);
    }
  }

  #rest(interlude) {
    this.#ahead = null;
    if (interlude.kind === "phase") { // it has instructions of its own
      setState("stopped");
      location.replace(interlude.url);
      return;
    }
    this.#keepNotice = false;
    message.say(this.#isLate ? TIME_OVER : "", { quiet: this.#isLate });
    this.#isLate = false;
    showInterlude(interlude);
    this.#clear("interlude");
  }

  /** The reader goes on after an interlude. */
  async goOn() {
    if (state() !== "interlude") return;
    this.#clear("loading");
    try {
      const { current } = await persist(
        () => post(address("continue"), { attendance: this.#attendance }), NOT_GOING_ON, message,
      );
      await this.#show(current);
    } catch (error) {
      await this.#afterRefusal(error);
    }
  }

  /* --- pixels ----------------------------------------------------------------------------------------------------- */

  // The pictures that were fetched ahead when they are current now; else, and when that failed, asked for now.
  async #load({ token, stimulus, size }) {
    const ahead = this.#ahead?.token === token ? await this.#ahead.pictures : null;
    this.#ahead = null;
    if (ahead) return ahead;
    const bytes = await persist(async () => (await this.#pixels(stimulus)).arrayBuffer(), LOAD_FAILED, message);
    return this.#decode(bytes, size);
  }

  // Fetched, mapped to grey and put on a canvas of its own while the reader looks at the current one.
  #fetchAhead({ ahead, size }) {
    if (!ahead || this.stopsAfterThis) return;
    const pictures = this.#pixels(ahead.stimulus, { priority: "low" })
      .then((response) => response.arrayBuffer())
      .then((bytes) => this.#decode(bytes, size))
      .catch(() => null); // asked for again when it is current
    this.#ahead = { token: ahead.token, pictures };
  }

  #decode(bytes, size) {
    return picturesOf(bytes, { count: protocol.images, size, bits: protocol.bits });
  }

  #pixels(url, options = {}) {
    return request(url, { headers: { "X-Attendance": this.#attendance }, ...options });
  }

  /* --- refusals --------------------------------------------------------------------------------------------------- */

  // Another tab or device has taken over. Here nothing more is shown until the reader says that it should go on here.
  async #elsewhere(error) {
    this.#clear("stopped");
    message.say(error.message, { button: "Continue here" });
    await message.pressed();
    message.say("");
    await this.attend();
  }

  async #afterRefusal(error) {
    if (error instanceof Refused && error.code === "elsewhere") {
      await this.#elsewhere(error);
      return;
    }
    if (error instanceof Refused && (error.status === 404 || error.status === 409)) {
      await this.#moveOn(error.message || "This image is not current any more.");
      return;
    }
    await this.#stop(error);
  }

  // another page is further: tell, and go where the server is
  async #moveOn(reason) {
    this.#moves += 1;
    if (this.#moves > 3) {
      await this.#stop(new Error(reason));
      return;
    }
    message.say(`${reason} Here is where you are.`);
    this.#keepNotice = true;
    this.#ahead = null; // the server shall see that this page shows the image too
    this.#clear("loading");
    try {
      const response = await persist(() => request(address("current")), LOAD_FAILED, message);
      await this.#show(await response.json());
    } catch (refused) {
      await this.#stop(refused);
    }
  }

  async #stop(error) {
    if (error instanceof Refused && error.code === "elsewhere") {
      await this.#elsewhere(error);
      return;
    }
    if (error instanceof Refused && error.status === 404 && state() === "loading" && this.#moves < 3) {
      await this.#moveOn("This image is not current any more.");
      return;
    }
    this.#clear("stopped");
    let text = error.message;
    if (error instanceof Refused && !error.code) {
      text = error.status === 403
        ? "The server did not accept this page any more, perhaps because you signed in again. Reload it: your place is kept."
        : `The server refused (${error.status}). Reload the page: your place is kept.`;
    }
    message.say(text || "Something went wrong in this page. Reload it: your place is kept.");
    if (!(error instanceof Refused)) throw error;
  }
}
