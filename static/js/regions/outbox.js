/* Drawings on their way to the server, one after the other, repeated until they are stored. Also kept in this browser, so
 * that a page that is closed or reloaded sends them when it comes back. */

import { Refused, newKey, persist, post } from "../reading/server.js";

export class Outbox {
  #waiting = new Map(); // position -> {key, regions}
  #name;
  #addressOf;
  #notice;
  #told;
  #isSending = false;

  /** `told.saved(position)`, `told.refused(position, text, code)`, `told.changed(count)`: how many are on their way. */
  constructor({ name, addressOf, notice, told }) {
    this.#name = name;
    this.#addressOf = addressOf;
    this.#notice = notice;
    this.#told = told;
  }

  /** Sends what an earlier page could not. Returns position -> regions. */
  resume() {
    let kept = [];
    try {
      kept = JSON.parse(localStorage.getItem(this.#name)) ?? [];
    } catch {
      // nothing is kept in this browser
    }
    this.#waiting = new Map(kept);
    const found = new Map(kept.map(([position, { regions }]) => [position, regions]));
    this.#send();
    return found;
  }

  get count() {
    return this.#waiting.size;
  }

  add(position, regions) {
    this.#waiting.delete(position); // a later drawing of the same image goes in its place, at the end
    this.#waiting.set(position, { key: newKey(), regions });
    this.#keep();
    this.#told.changed(this.count);
    this.#send();
  }

  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#waiting.size > 0) {
      const [[position, drawing]] = this.#waiting;
      this.#told.changed(this.count);
      try {
        await persist(() => post(this.#addressOf(position), drawing), "Not saved yet.", this.#notice);
        this.#done(position, drawing);
        this.#notice.hide();
        this.#told.saved(position);
      } catch (error) {
        this.#done(position, drawing);
        const isRefused = error instanceof Refused;
        this.#told.refused(position, isRefused && error.message ? error.message : String(error), isRefused ? error.code : "");
      }
      this.#told.changed(this.count);
    }
    this.#isSending = false;
  }

  #done(position, drawing) {
    if (this.#waiting.get(position) === drawing) this.#waiting.delete(position);
    this.#keep();
  }

  #keep() {
    try {
      if (this.#waiting.size === 0) localStorage.removeItem(this.#name);
      else localStorage.setItem(this.#name, JSON.stringify([...this.#waiting]));
    } catch {
      // storage is full or switched off: they live as long as the page
    }
  }
}
