/* The one answer that is given and not known to be stored, kept where it outlives the page. It belongs to a reading session,
 * which is one reader in one study: whoever else uses this browser never comes across it. */

const name = (session) => `turing-reader.answer.${session}`;

/** False when this browser keeps nothing (storage switched off or full): the answer then lives as long as the page. */
export function keepAnswer(session, answer) {
  try {
    localStorage.setItem(name(session), JSON.stringify(answer));
    return true;
  } catch {
    return false;
  }
}

export function keptAnswer(session) {
  try {
    return JSON.parse(localStorage.getItem(name(session)));
  } catch {
    return null;
  }
}

/** Only the answer with this key: another tab may have put its own there. */
export function forgetAnswer(session, { idempotency_key: key }) {
  try {
    if (keptAnswer(session)?.idempotency_key === key) localStorage.removeItem(name(session));
  } catch {
    // nothing was kept
  }
}
