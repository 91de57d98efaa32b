/* The protocol: shows one image, takes one answer, waits until the server has stored it, shows the next. The server decides
 * what is current; this page asks it and holds no list of images. */

import { ReadingClock, nextFrame, painted } from "./clock.js";
import { forgetAnswer, keepAnswer, keptAnswer } from "./outbox.js";
import { address, canvas, message, sessionId, setState, showProgress, state } from "./page.js";
import { describeScreen } from "./screen.js";
import { Refused, newKey, persist, post, request } from "./server.js";
import { Picture } from "./viewer.js";

const ANTICIPATION_MS = 300; // a response this soon after the first frame belongs to the image before (double press)
const NOT_STORED = "Your answer is not stored yet.";
const NOT_STORED_KEPT = "Your answer is not stored yet. This browser keeps it, also when you reload or close the page.";
// asking again will not store it; "elsewhere" may: the page that goes on there is another one
const FINAL_REFUSALS = new Set(["answered-already", "closed", "invalid", "not-current", "not-shown", "unknown-image"]);
const LOAD_FAILED = "The image could not be loaded.";

export class Session {
  #viewer;
  #attendance = ""; // this page's right to read
  #current = null; // what the server calls current
  #ahead = null; // the image after it: { token, picture }, a promise
  #clock = null; // reading time of the picture
  #moves = 0; // to the server's current image, in a row; if it refuses that too, asking for ever would not help
  #keepNotice = false;
  stopsAfterThis = false;
  isKept = false; // the answer being sent would outlive this page
  displayCheck = {}; // what the reader said of the test pattern, to be stored with the session

  constructor(viewer) {
    this.#viewer = viewer;
  }

  /** Reading goes on in this page and no other. An answer that an earlier page could not send is sent first. */
  async attend() {
    this.#clear("loading");
    this.#ahead = null;
    try {
      const { attendance, current } = await persist(
        () => post(address("attend"), { ...describeScreen(canvas), ...this.displayCheck }), LOAD_FAILED, message,
      );
      this.#attendance = attendance;
      this.displayCheck = {};
      const kept = keptAnswer(sessionId);
      this.isKept = kept !== null;
      if (kept === null) await this.#show(current);
      else await this.#send({ ...kept, stop: false }); // who comes back does not want to stop
    } catch (error) {
      await this.#stop(error);
    }
  }

  async respond(value, event) {
    if (state() !== "ready") return;
    const times = this.#clock.stop(event);
    message.say("");
    const answer = { token: this.#current.token, value, idempotency_key: newKey(), ...times, stop: this.stopsAfterThis };
    this.isKept = keepAnswer(sessionId, answer);
    await this.#send(answer);
  }

  // The next image is shown once the answer is stored, and not before.
  async #send(answer) {
    const sending = persist(
      () => post(address("answer"), { ...answer, attendance: this.#attendance }),
      this.isKept ? NOT_STORED_KEPT : NOT_STORED,
      message,
    );
    this.#clear("sending"); // in the same task, after the request is under way: painting an empty stage takes time too
    try {
      const stored = await sending;
      forgetAnswer(sessionId, answer);
      message.say("");
      this.#moves = 0;
      await this.#show(stored.next);
    } catch (error) {
      if (error instanceof Refused && FINAL_REFUSALS.has(error.code)) forgetAnswer(sessionId, answer);
      await this.#afterRefusal(error);
    }
  }

  visibilityChanged() {
    this.#clock?.visibilityChanged();
  }

  #clear(next) {
    setState(next);
    this.#clock = null;
    this.#viewer.clear();
  }

  async #show(current) {
    if (current.state !== "reading") { // finished, or the reader wanted to stop
      setState("stopped");
      if (current.state === "finished") location.replace(current.url);
      else location.assign(current.url);
      return;
    }
    this.#current = current;
    showProgress(current);
    const picture = await this.#load(current);
    if (!this.#keepNotice) message.say("");
    this.#keepNotice = false;
    if (document.hidden) await nextFrame(); // nobody sees it yet
    this.#viewer.show(picture);
    await painted();
    this.#clock = new ReadingClock();
    setState("painted");
    this.#allowAnswers();
    this.#fetchAhead(current);
  }

  /** Takes the image off the screen and stops its clock, or puts it back. */
  async togglePause() {
    if (state() === "ready" || state() === "painted") {
      this.#clock.pause();
      this.#viewer.setBlank(true);
      setState("paused");
    } else if (state() === "paused") {
      setState("painting");
      this.#viewer.setBlank(false);
      await painted();
      this.#clock.resume();
      setState("painted");
      this.#allowAnswers();
    }
  }

  #allowAnswers() {
    const clock = this.#clock;
    setTimeout(() => {
      if (state() === "painted" && clock === this.#clock) setState("ready");
    }, ANTICIPATION_MS);
  }

  // The picture that was fetched ahead when it is the one that is current now; else, and when that failed, asked for now.
  async #load({ token, stimulus, size }) {
    const ahead = this.#ahead?.token === token ? await this.#ahead.picture : null;
    this.#ahead = null;
    if (ahead) return ahead;
    const bytes = await persist(async () => (await this.#pixels(stimulus)).arrayBuffer(), LOAD_FAILED, message);
    return new Picture(bytes, size);
  }

  // Fetched, mapped to grey and put on a canvas of its own while the reader looks at the current one.
  #fetchAhead({ ahead, size }) {
    if (!ahead || this.stopsAfterThis) return;
    const picture = this.#pixels(ahead.stimulus, { priority: "low" })
      .then((response) => response.arrayBuffer())
      .then((bytes) => new Picture(bytes, size))
      .catch(() => null); // asked for again when it is current
    this.#ahead = { token: ahead.token, picture };
  }

  #pixels(url, options = {}) {
    return request(url, { headers: { "X-Attendance": this.#attendance }, ...options });
  }

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
    message.say(`${reason} Here is your current image.`);
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
