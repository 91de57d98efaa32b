/* The reading page: shows one image, takes one answer, waits until the server has stored it, shows the next.
 *
 * The server decides what is current; this page asks it and holds no list of images. The reading time runs on the
 * monotonic clock, from the first frame after the one that painted the image to the first valid response.
 */

const ANTICIPATION_MS = 300; // a response this soon after the first frame belongs to the image before (double press)
const ANSWER_TIMEOUT_MS = 15_000;
const LONGEST_PAUSE_MS = 10_000; // between two attempts to send
const KEYS = new Map([
  ["r", "real"], ["1", "real"], ["ArrowLeft", "real"],
  ["s", "synthetic"], ["2", "synthetic"], ["ArrowRight", "synthetic"],
]);

const root = document.getElementById("reading");
const canvas = document.getElementById("reading-canvas");
const progress = document.getElementById("reading-progress");
const progressBar = document.getElementById("reading-progress-bar");
const notice = document.getElementById("reading-notice");
const noticeText = document.getElementById("reading-notice-text");
const retryButton = document.getElementById("reading-retry");
const signInLink = document.getElementById("reading-sign-in");
const pauseButton = document.getElementById("reading-pause");
const buttons = [...root.querySelectorAll("[data-answer]")];

let current = null; // what the server calls current
let picture = null; // its pixels on a canvas of their own
let clock = null; // reading time of the picture
let moves = 0; // to the server's current image, in a row; if it refuses that too, asking for ever would not help
let focused = null; // answer button that had the focus when it was disabled

/* --- state ------------------------------------------------------------------------------------------------- */

// loading: no picture yet; painted: too soon to answer; ready; sending; stopped: nothing more to do here
function setState(state) {
  if (state !== "ready" && buttons.includes(document.activeElement)) focused = document.activeElement;
  root.dataset.state = state;
  for (const button of buttons) button.disabled = state !== "ready";
  if (state === "ready" && focused) {
    focused.focus({ preventScroll: true });
    focused = null;
  }
}

function say(text, { retry = false, signIn = false } = {}) {
  noticeText.textContent = text;
  retryButton.hidden = !retry;
  signInLink.hidden = !signIn;
  notice.hidden = text === "";
}

/* --- reading time ------------------------------------------------------------------------------------------ */

class ReadingClock {
  constructor() {
    this.start = performance.now();
    this.hidden = 0;
    this.hiddenSince = document.hidden ? this.start : null;
  }

  visibilityChanged() {
    const now = performance.now();
    if (document.hidden) {
      this.hiddenSince ??= now;
    } else if (this.hiddenSince !== null) {
      this.hidden += now - this.hiddenSince;
      this.hiddenSince = null;
    }
  }

  stop(event) {
    // when the key or button went down, on the same clock; not when the page got round to it
    const end = event.timeStamp >= this.start ? event.timeStamp : performance.now();
    if (this.hiddenSince !== null) this.hidden += end - this.hiddenSince;
    return { reading_ms: Math.round(end - this.start), hidden_ms: Math.round(Math.max(this.hidden, 0)) };
  }
}

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* --- the picture ------------------------------------------------------------------------------------------- */

function toPicture(grey, size) {
  if (grey.length !== size * size) throw new Error(`The image has ${grey.length} bytes instead of ${size * size}`);
  const pixels = new ImageData(size, size);
  for (let i = 0; i < grey.length; i += 1) {
    pixels.data[4 * i] = pixels.data[4 * i + 1] = pixels.data[4 * i + 2] = grey[i];
    pixels.data[4 * i + 3] = 255;
  }
  const made = document.createElement("canvas");
  made.width = made.height = size;
  made.getContext("2d").putImageData(pixels, 0, 0);
  return made;
}

// The canvas fills its stage by CSS and never changes the layout; its pixels are those of the screen.
function draw() {
  const scale = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * scale));
  const height = Math.max(1, Math.round(canvas.clientHeight * scale));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (picture === null) return;
  const side = Math.min(width, height);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, Math.floor((width - side) / 2), Math.floor((height - side) / 2), side, side);
}

function clearPicture() {
  picture = null;
  clock = null;
  draw();
}

/* --- talking to the server --------------------------------------------------------------------------------- */

class Refused extends Error {
  constructor(status, body) {
    super(body.error ?? "");
    this.status = status;
    this.code = body.code ?? "";
  }
}

async function request(url, options = {}) {
  const response = await fetch(url, {
    cache: "no-store",
    credentials: "same-origin",
    redirect: "error",
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    ...options,
  });
  if (response.ok) return response;
  let body = {};
  try {
    body = await response.json();
  } catch {
    // a page of the server or of a proxy; its status says enough
  }
  throw new Refused(response.status, body);
}

// read at each request: signing in again in another tab changes it
function csrfToken() {
  const cookie = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/);
  return cookie ? decodeURIComponent(cookie[1]) : root.querySelector("[name=csrfmiddlewaretoken]").value;
}

function newKey() {
  // crypto.randomUUID exists on https and localhost only; a hospital's http://server has getRandomValues
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/* Repeats until the server answers yes or no. A network that is down, a server that restarts and a session that has
 * expired only delay it; the notice says so, and its button tries at once. Refusals are thrown. */
async function persist(send, whatFailed) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (error instanceof Refused) {
        if (error.status === 401) {
          say(`${whatFailed} You are signed out. Sign in, then come back to this page and try again.`, { retry: true, signIn: true });
        } else if (error.status >= 500 || error.status === 429) {
          say(`${whatFailed} The server has a problem (${error.status}). Trying again…`, { retry: true });
        } else {
          throw error;
        }
      } else {
        say(`${whatFailed} No connection to the server. Trying again…`, { retry: true });
      }
    }
    const wait = Math.min(1000 * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
    await Promise.race([pause(wait), new Promise((resolve) => retryButton.addEventListener("click", resolve, { once: true }))]);
  }
}

/* --- the loop ---------------------------------------------------------------------------------------------- */

async function loadCurrent() {
  setState("loading");
  clearPicture();
  try {
    const response = await persist(() => request(root.dataset.currentUrl), "The image could not be loaded.");
    await show(await response.json());
  } catch (error) {
    stop(error);
  }
}

async function show(state) {
  if (state.state === "finished") {
    setState("stopped");
    location.replace(state.url);
    return;
  }
  current = state;
  progress.textContent = `${state.position} of ${state.total}`;
  progressBar.max = state.total;
  progressBar.value = state.position - 1;
  const grey = await persist(async () => {
    const response = await request(state.stimulus);
    return new Uint8Array(await response.arrayBuffer());
  }, "The image could not be loaded.");
  if (notice.dataset.kind !== "moved") say("");
  notice.dataset.kind = "";
  picture = toPicture(grey, state.size);
  await nextFrame(); // waits while the tab is hidden
  draw(); // painted at the end of this frame
  await nextFrame(); // the first frame after it
  clock = new ReadingClock();
  setState("painted");
  setTimeout(() => setState("ready"), ANTICIPATION_MS);
}

async function respond(value, event) {
  if (root.dataset.state !== "ready") return;
  const times = clock.stop(event);
  setState("sending");
  say("");
  clearPicture();
  const answer = { token: current.token, value, idempotency_key: newKey(), ...times };
  const send = () => request(root.dataset.answerUrl, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(answer),
  });
  try {
    const response = await persist(send, "Your answer is not stored yet.");
    const stored = await response.json();
    say("");
    moves = 0;
    if (pauseButton.getAttribute("aria-pressed") === "true" && stored.next.state === "reading") {
      setState("stopped");
      location.assign(pauseButton.dataset.url); // the next image is not fetched: its clock does not start
      return;
    }
    await show(stored.next);
  } catch (error) {
    await afterRefusal(error);
  }
}

async function afterRefusal(error) {
  if (error instanceof Refused && (error.status === 404 || error.status === 409)) {
    // another tab is further: tell, and go where the server is
    await moveOn(error.message || "This image is not current any more.");
    return;
  }
  stop(error);
}

async function moveOn(reason) {
  moves += 1;
  if (moves > 3) {
    stop(new Error(reason));
    return;
  }
  say(`${reason} Here is your current image.`);
  notice.dataset.kind = "moved";
  await loadCurrent();
}

function stop(error) {
  if (error instanceof Refused && error.status === 404 && root.dataset.state === "loading" && moves < 3) {
    moveOn("This image is not current any more.");
    return;
  }
  setState("stopped");
  clearPicture();
  let text = error.message;
  if (error instanceof Refused && !error.code) {
    text = error.status === 403
      ? "The server did not accept this page any more, perhaps because you signed in again. Reload it: your place is kept."
      : `The server refused (${error.status}). Reload the page: your place is kept.`;
  }
  say(text || "Something went wrong in this page. Reload it: your place is kept.");
  if (!(error instanceof Refused)) throw error;
}

/* --- events ------------------------------------------------------------------------------------------------ */

for (const button of buttons) {
  button.addEventListener("click", (event) => respond(button.dataset.answer, event));
}
pauseButton.addEventListener("click", () => {
  const wanted = pauseButton.getAttribute("aria-pressed") !== "true";
  pauseButton.setAttribute("aria-pressed", String(wanted));
  pauseButton.textContent = wanted ? "Will pause after this image" : "Pause after this image";
});
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const value = KEYS.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (value === undefined) return;
  event.preventDefault();
  respond(value, event);
});
document.addEventListener("visibilitychange", () => clock?.visibilityChanged());
window.addEventListener("pageshow", (event) => {
  if (event.persisted) loadCurrent(); // brought back by the back button: ask where we are
});
window.addEventListener("beforeunload", (event) => {
  if (root.dataset.state === "sending") event.preventDefault(); // an answer is not stored yet
});
new ResizeObserver(draw).observe(canvas);
document.getElementById("reading-needs-script").remove();

loadCurrent();
