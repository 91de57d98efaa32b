/* The controls of an answer. On most scales each is a button, and pressing it answers. On the scale of 0 to 100 a value is
 * set first, which starts as none, and confirmed then. Neither knows of images or servers: `respond(given, event)` does. */

const UNDECIDED = 50; // says neither: no answer
const HIGHEST = 100;
const PAGE = 10;

export function answerControls(root, { keys, respond }) {
  const slider = root.querySelector("[data-slider]");
  return slider ? new SliderAnswer(slider, respond) : new ButtonAnswer(root, keys, respond);
}

class ButtonAnswer {
  #buttons;
  #keys;
  #respond;
  #focused = null; // button that had the focus when it was disabled

  constructor(root, keys, respond) {
    this.#buttons = [...root.querySelectorAll("[data-value], [data-rating]")];
    this.#keys = keys;
    this.#respond = respond;
    for (const button of this.#buttons) {
      const { value, rating } = button.dataset;
      const given = rating === undefined ? { value } : { rating: Number(rating) };
      button.addEventListener("click", (event) => respond(given, event));
    }
  }

  reset() {}

  enable(enabled) {
    if (!enabled && this.#buttons.includes(document.activeElement)) this.#focused = document.activeElement;
    for (const button of this.#buttons) button.disabled = !enabled;
    if (!enabled || this.#focused === null) return;
    if (document.activeElement === document.body) this.#focused.focus({ preventScroll: true });
    this.#focused = null;
  }

  /** True when the key of this name is an answer; then it is given. */
  press(name, event) {
    if (!this.#keys.has(name)) return false;
    if (!event.repeat) this.#respond(this.#keys.get(name), event);
    return true;
  }
}

class SliderAnswer {
  #root;
  #range;
  #output;
  #confirm;
  #respond;
  #value = null;
  #typed = ""; // digits of the value that is being typed
  #hadFocus = false;

  constructor(root, respond) {
    this.#root = root;
    this.#range = root.querySelector("input[type=range]");
    this.#output = root.querySelector("output");
    this.#confirm = root.querySelector("[data-confirm]");
    this.#respond = respond;
    this.#range.addEventListener("input", () => this.#choose(this.#range.valueAsNumber));
    // pressed where the hidden thumb is: the value does not change, so there is no input event
    this.#range.addEventListener("click", () => this.#choose(this.#range.valueAsNumber));
    this.#confirm.addEventListener("click", (event) => this.#give(event));
    this.reset();
  }

  reset() {
    this.#typed = "";
    this.#range.value = String(UNDECIDED);
    this.#show(null);
  }

  enable(enabled) {
    if (!enabled && this.#root.contains(document.activeElement)) this.#hadFocus = true;
    this.#range.disabled = !enabled;
    this.#confirm.disabled = !enabled || !this.#canGive;
    if (!enabled || !this.#hadFocus) return;
    if (document.activeElement === document.body) this.#range.focus({ preventScroll: true });
    this.#hadFocus = false;
  }

  /** True when the key of this name belongs to the value; then it has acted. */
  press(name, event) {
    if (this.#range.disabled) return /^(\d|Backspace|Home|End|Arrow.*|Page.*)$/.test(name);
    const from = this.#value ?? UNDECIDED;
    const step = event.shiftKey ? PAGE : 1;
    const moves = {
      ArrowLeft: from - step, ArrowDown: from - step, ArrowRight: from + step, ArrowUp: from + step,
      PageDown: from - PAGE, PageUp: from + PAGE, Home: 0, End: HIGHEST,
    };
    if (name in moves) this.#choose(Math.min(Math.max(moves[name], 0), HIGHEST));
    else if (/^\d$/.test(name)) this.#type(event.repeat ? this.#typed : this.#typed + name, name);
    else if (name === "Backspace") this.#type(this.#typed.slice(0, -1), "");
    else if (name === "Enter" && !isControl(document.activeElement, this.#root)) {
      if (!event.repeat) this.#give(event);
    } else return false;
    return true;
  }

  // "73" is 73; one digit more would be too large, so it begins another value
  #type(digits, last) {
    const text = Number(digits) > HIGHEST || /^0\d/.test(digits) ? last : digits;
    this.#choose(text === "" ? null : Number(text));
    this.#typed = text;
  }

  #choose(value) {
    this.#typed = "";
    this.#range.value = String(value ?? UNDECIDED);
    this.#show(value);
  }

  #show(value) {
    this.#value = value;
    this.#root.toggleAttribute("data-empty", value === null);
    this.#root.toggleAttribute("data-undecided", value === UNDECIDED);
    this.#output.textContent = value === null ? "–" : String(value);
    const meaning = value === UNDECIDED ? "50 says neither: choose a side" : String(value);
    this.#range.setAttribute("aria-valuetext", value === null ? "no value yet" : meaning);
    this.#confirm.disabled = this.#range.disabled || !this.#canGive;
  }

  get #canGive() {
    return this.#value !== null && this.#value !== UNDECIDED;
  }

  #give(event) {
    if (this.#canGive && !this.#range.disabled) this.#respond({ rating: this.#value }, event);
  }
}

// a button outside of the answer that has the focus is what Enter presses
function isControl(element, root) {
  return element instanceof HTMLElement && element.matches("button, a, summary")
    && (!root.contains(element) || element.matches("[data-confirm]"));
}
