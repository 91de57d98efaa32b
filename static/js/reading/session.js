/* The protocol: shows one image, takes one answer, waits until the server has stored it, shows the next. The server decides
 * what is current; this page asks it and holds no list of images. */

import { ReadingClock, nextFrame, painted } from "./clock.js";
import { address, message, setState, showProgress, state } from "./page.js";
import { Refused, newKey, persist, post, request } from "./server.js";
import { Picture } from "./viewer.js";

const ANTICIPATION_MS = 300; // a response this soon after the first frame belongs to the image before (double press)
const LOAD_FAILED = "The image could not be loaded.";

export class Session {
  #viewer;
  #current = null; // what the server calls current
  #ahead = null; // the image after it: { token, picture }, a promise
  #clock = null; // reading time of the picture
  #moves = 0; // to the server's current image, in a row; if it refuses that too, asking for ever would not help
  #keepNotice = false;
  stopsAfterThis = false;

  constructor(viewer) {
    this.#viewer = viewer;
  }

  async loadCurrent() {
    this.#clear("loading");
    try {
      const response = await persist(() => request(address("current")), LOAD_FAILED, message);
      await this.#show(await response.json());
    } catch (error) {
      this.#stop(error);
    }
  }

  async respond(value, event) {
    if (state() !== "ready") return;
    const times = this.#clock.stop(event);
    this.#clear("sending");
    message.say("");
    const answer = { token: this.#current.token, value, idempotency_key: newKey(), ...times, stop: this.stopsAfterThis };
    try {
      const stored = await persist(() => post(address("answer"), answer), "Your answer is not stored yet.", message);
      message.say("");
      this.#moves = 0;
      await this.#show(stored.next);
    } catch (error) {
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
    setTimeout(() => setState("ready"), ANTICIPATION_MS);
    this.#fetchAhead(current);
  }

  // The picture that was fetched ahead when it is the one that is current now; else, and when that failed, asked for now.
  async #load({ token, stimulus, size }) {
    const ahead = this.#ahead?.token === token ? await this.#ahead.picture : null;
    this.#ahead = null;
    if (ahead) return ahead;
    const bytes = await persist(async () => (await request(stimulus)).arrayBuffer(), LOAD_FAILED, message);
    return new Picture(bytes, size);
  }

  // Fetched, mapped to grey and put on a canvas of its own while the reader looks at the current one.
  #fetchAhead({ ahead, size }) {
    if (!ahead || this.stopsAfterThis) return;
    const picture = request(ahead.stimulus, { priority: "low" })
      .then((response) => response.arrayBuffer())
      .then((bytes) => new Picture(bytes, size))
      .catch(() => null); // asked for again when it is current
    this.#ahead = { token: ahead.token, picture };
  }

  async #afterRefusal(error) {
    if (error instanceof Refused && (error.status === 404 || error.status === 409)) {
      await this.#moveOn(error.message || "This image is not current any more.");
      return;
    }
    this.#stop(error);
  }

  // another tab is further: tell, and go where the server is
  async #moveOn(reason) {
    this.#moves += 1;
    if (this.#moves > 3) {
      this.#stop(new Error(reason));
      return;
    }
    message.say(`${reason} Here is your current image.`);
    this.#keepNotice = true;
    this.#ahead = null; // the server shall see that this page shows the image too
    await this.loadCurrent();
  }

  #stop(error) {
    if (error instanceof Refused && error.status === 404 && state() === "loading" && this.#moves < 3) {
      this.#moveOn("This image is not current any more.");
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
