/* Requests to the server, and their repetition. */

const TIMEOUT_MS = 15_000;
const LONGEST_WAIT_MS = 10_000; // between two attempts

/** The server said no, with a code that the page acts on. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.error ?? "");
    this.status = status;
    this.code = body.code ?? "";
  }
}

export async function request(url, options = {}) {
  const response = await fetch(url, {
    cache: "no-store",
    credentials: "same-origin",
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
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

export async function post(url, body) {
  const response = await request(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
  });
  return response.json();
}

// read at each request: signing in again in another tab changes it
function csrfToken() {
  const cookie = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/);
  return cookie ? decodeURIComponent(cookie[1]) : document.querySelector("[name=csrfmiddlewaretoken]").value;
}

export function newKey() {
  // crypto.randomUUID exists on https and localhost only; a hospital's http://server has getRandomValues
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Repeats until the server answers yes or no. A network that is down, a server that restarts and a session that has
 * expired only delay it: `notice` says so, and its button tries at once. Refusals are thrown. */
export async function persist(send, whatFailed, notice) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (error instanceof Refused) {
        if (error.status === 401) {
          notice.say(`${whatFailed} You are signed out. Sign in, then come back to this page and try again.`, { button: "Try now", signIn: true });
        } else if (error.status >= 500 || error.status === 429) {
          const reason = error.message || `The server has a problem (${error.status}).`;
          notice.say(`${whatFailed} ${reason} Trying again…`, { button: "Try now" });
        } else {
          throw error;
        }
      } else {
        notice.say(`${whatFailed} No connection to the server. Trying again…`, { button: "Try now" });
      }
    }
    const wait = Math.min(1000 * 2 ** (attempt - 1), LONGEST_WAIT_MS);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, wait)), notice.pressed()]);
  }
}
