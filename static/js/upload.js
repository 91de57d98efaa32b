// A file of any size, sent in parts. What has arrived stays on the server: a lost connection only delays it, and the same
// file chosen again, in another page or on another day, goes on where it stopped.

import { crc32OfBytes, Stopped } from "./zip.js";

const PART_TIMEOUT_MS = 120_000;
const MOST_UNMOVED = 20; // parts in a row that brought nothing
const LONGEST_WAIT_MS = 15_000; // between two attempts

/** What tells a file from others without reading it. */
export function keyOf(files) {
  const listing = files.map(({ path, file }) => `${path}|${file.size}|${file.lastModified}`).join("\n");
  return `${files.length}-${crc32OfBytes(new TextEncoder().encode(listing)).toString(16)}`;
}

/**
 * Send `blob`; returns the id of the upload, which the server then has whole. Throws Stopped, or an Error in words.
 * onProgress(sent, total, resumedFrom) is called after each part, onWait(seconds) before each further attempt.
 */
export async function upload(blob, { url, name, key, stop, onProgress, onWait }) {
  const form = new URLSearchParams({ name, key, size: blob.size });
  const begun = await persist(() => send(url, form, stop), stop, onWait);
  const resumedFrom = begun.received;
  let sent = resumedFrom;
  let unmoved = 0;
  onProgress(sent, blob.size, resumedFrom);
  while (sent < blob.size) {
    const bytes = new Uint8Array(await readPart(blob, sent, begun.part_bytes));
    const address = `${url}${begun.id}/part/?offset=${sent}&crc32=${crc32OfBytes(bytes)}`;
    const answer = await persist(() => send(address, bytes, stop), stop, onWait);
    unmoved = answer.received > sent ? 0 : unmoved + 1;
    if (unmoved > MOST_UNMOVED) throw new Error("The upload arrives damaged again and again. Try another connection.");
    sent = answer.received;
    onProgress(sent, blob.size, resumedFrom);
  }
  return begun.id;
}

async function readPart(blob, from, size) {
  try {
    return await blob.slice(from, from + size).arrayBuffer();
  } catch {
    throw new Error("The file cannot be read any more: it was moved or changed. Choose it again.");
  }
}

/** Repeats until the server answers: without a connection there is nothing else to do. */
async function persist(attempt, stop, onWait) {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (stop.aborted) throw new Stopped();
      if (!(error instanceof Unanswered)) throw error;
    }
    const wait = Math.min(500 * 2 ** (failures - 1), LONGEST_WAIT_MS);
    onWait(wait / 1000);
    await pause(wait, stop);
  }
}

class Unanswered extends Error {}

async function send(url, body, stop) {
  const either = new AbortController();
  const abort = () => either.abort();
  const timer = setTimeout(abort, PART_TIMEOUT_MS);
  stop.addEventListener("abort", abort);
  try {
    return await answerTo(url, body, either.signal);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", abort);
  }
}

async function answerTo(url, body, signal) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      body,
      headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" },
      credentials: "same-origin",
      redirect: "error",
      signal,
    });
  } catch (error) {
    throw new Unanswered(error.message);
  }
  if (response.status >= 500) throw new Unanswered(`status ${response.status}`);
  if (response.status === 403 || response.status === 401) {
    throw new Error("You are not signed in any more. Sign in again, then choose the same file: what has arrived stays.");
  }
  let answer;
  try {
    answer = await response.json();
  } catch {
    if (response.ok) throw new Unanswered("the answer was cut off");
    throw new Error(`The server answered with status ${response.status}. Reload the page and choose the same file again.`);
  }
  if (response.ok || response.status === 409) return answer; // 409: it waits for another byte than was sent
  throw new Error(answer.error || "The server refused the upload.");
}

function pause(ms, stop) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      stop.removeEventListener("abort", done);
      if (stop.aborted) reject(new Stopped());
      else resolve();
    }
    window.addEventListener("online", done);
    stop.addEventListener("abort", done);
  });
}

// read at each request: signing in again in another tab changes it
function csrfToken() {
  const cookie = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/);
  return cookie ? decodeURIComponent(cookie[1]) : document.querySelector("[name=csrfmiddlewaretoken]").value;
}
