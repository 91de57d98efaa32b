/* The reading time of one image, on the page's monotonic clock. Starts when it is made: right after the first frame that
 * shows the image. Time with the tab hidden is part of it and counted apart; pauses are not part of it. */

export const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/** Resolves when what was drawn before has been painted: a task that is posted inside a frame runs after its painting.
 * Waits while the tab is hidden. */
export async function painted() {
  await nextFrame();
  await new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });
}

export class ReadingClock {
  #start = performance.now();
  #hidden = 0;
  #hiddenSince = document.hidden ? this.#start : null;
  #paused = 0;
  #pausedSince = null;

  visibilityChanged() {
    if (this.#pausedSince !== null) return;
    if (document.hidden) this.#hiddenSince ??= performance.now();
    else this.#endHidden(performance.now());
  }

  pause() {
    if (this.#pausedSince !== null) return;
    this.#pausedSince = performance.now();
    this.#endHidden(this.#pausedSince);
  }

  /** To be called when the image is painted again. */
  resume() {
    if (this.#pausedSince === null) return;
    const now = performance.now();
    this.#paused += now - this.#pausedSince;
    this.#pausedSince = null;
    if (document.hidden) this.#hiddenSince = now;
  }

  get isPaused() {
    return this.#pausedSince !== null;
  }

  /** Reading time so far, ms: without pauses. */
  elapsed() {
    return (this.#pausedSince ?? performance.now()) - this.#start - this.#paused;
  }

  /** Part of it with the page in sight. */
  visible() {
    const hiding = this.#hiddenSince === null ? 0 : performance.now() - this.#hiddenSince;
    return this.elapsed() - this.#hidden - hiding;
  }

  /** The times of an answer. They end when the key or button went down, not when the page got round to it. */
  stop(event) {
    const end = event.timeStamp >= this.#start ? event.timeStamp : performance.now();
    this.#endHidden(end);
    return {
      reading_ms: Math.round(Math.max(end - this.#start - this.#paused, 0)),
      hidden_ms: Math.round(Math.max(this.#hidden, 0)),
      paused_ms: Math.round(this.#paused),
    };
  }

  #endHidden(now) {
    if (this.#hiddenSince !== null) this.#hidden += now - this.#hiddenSince;
    this.#hiddenSince = null;
  }
}

/** Calls `over` once `time()`, in ms, has reached `limit`. `runs()`: whether that time goes on at the moment; `check` is
 * to be called whenever this changes. */
export class Limit {
  #time;
  #limit;
  #runs;
  #over;
  #timer = null;

  constructor(limit, { time, runs, over }) {
    this.#time = time;
    this.#limit = limit;
    this.#runs = runs;
    this.#over = over;
    this.check();
  }

  get left() {
    return Math.max(this.#limit - this.#time(), 0);
  }

  check() {
    clearTimeout(this.#timer);
    if (this.#over === null || !this.#runs()) return;
    if (this.left > 0) {
      this.#timer = setTimeout(() => this.check(), Math.ceil(this.left));
      return;
    }
    const over = this.#over;
    this.#over = null;
    over();
  }

  end() {
    clearTimeout(this.#timer);
    this.#over = null;
  }
}
