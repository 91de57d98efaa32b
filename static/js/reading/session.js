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
  #clock = null; // reading time of the picture
  #moves = 0; // to the server's current image, in a row; if it refuses that too, asking for ever would not help
  #keepNotice = false;
  stopsAfterThis = null; // where to go after the answer, when the reader wants to stop

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
    const answer = { token: this.#current.token, value, idempotency_key: newKey(), ...times };
    try {
      const stored = await persist(() => post(address("answer"), answer), "Your answer is not stored yet.", message);
      message.say("");
      this.#moves = 0;
      if (this.stopsAfterThis && stored.next.state === "reading") {
        setState("stopped");
        location.assign(this.stopsAfterThis); // the next image is not fetched: its clock does not start
        return;
      }
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
    if (current.state === "finished") {
      setState("stopped");
      location.replace(current.url);
      return;
    }
    this.#current = current;
    showProgress(current);
    const picture = new Picture(await this.#fetch(current), current.size);
    if (!this.#keepNotice) message.say("");
    this.#keepNotice = false;
    if (document.hidden) await nextFrame(); // nobody sees it yet
    this.#viewer.show(picture);
    await painted();
    this.#clock = new ReadingClock();
    setState("painted");
    setTimeout(() => setState("ready"), ANTICIPATION_MS);
  }

  #fetch(current) {
    return persist(async () => (await request(current.stimulus)).arrayBuffer(), LOAD_FAILED, message);
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
