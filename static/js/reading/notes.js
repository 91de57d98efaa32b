/* What a reader may add to an answer, where the study asks for it: marks on the image and a comment. The buttons and the
 * field of the page; the marks themselves are in marks.js. */

import { Marks } from "./marks.js";

export class Notes {
  #root;
  #marks = null;
  #markButton;
  #undoButton;
  #list;
  #count;
  #comment;
  #enabled = false;

  /** `root`: the page's element with `data-mark-kind` and `data-size`. */
  constructor(root, viewer) {
    this.#root = root;
    this.#markButton = document.getElementById("reading-mark");
    this.#undoButton = document.getElementById("reading-undo");
    this.#list = document.getElementById("reading-marks");
    this.#count = document.getElementById("reading-marks-count");
    this.#comment = document.getElementById("reading-comment");
    if (this.#markButton === null) return;
    const { markKind: kind, size } = root.dataset;
    this.#marks = new Marks({ kind, size: Number(size), viewer, onChange: () => this.#showMarks() });
    this.#markButton.addEventListener("click", () => this.toggleMarking());
    this.#undoButton.addEventListener("click", () => this.#marks.undo());
    this.#list.addEventListener("click", (event) => {
      const button = event.target.closest("[data-mark]");
      if (button) this.#remove(Number(button.dataset.mark));
    });
  }

  /** Null where the study takes none. */
  get marks() {
    return this.#marks;
  }

  draw(context, index, place) {
    this.#marks?.draw(context, index, place);
  }

  /** For the next image. */
  clear() {
    this.#marks?.clear();
    if (this.#comment) this.#comment.value = "";
  }

  /** What goes with the answer; nothing where the study does not ask. */
  taken() {
    return {
      ...(this.#marks ? { marks: this.#marks.list } : {}),
      ...(this.#comment ? { comment: this.#comment.value } : {}),
    };
  }

  /** `image`: one is on the screen to be marked. The field is read-only rather than disabled: it keeps the focus, so that
   * who types when the time is up does not answer the next image with the rest of a word. */
  enable({ image, comment }) {
    this.#enabled = image;
    if (this.#comment) this.#comment.readOnly = !comment;
    if (this.#marks === null) return;
    if (!image && this.#marks.isOn) this.#marks.setOn(false);
    else this.#showMarks();
  }

  toggleMarking() {
    if (this.#marks === null || !this.#enabled) return;
    this.#marks.setOn(!this.#marks.isOn);
    // the keys that move a cross act on the image, not on the button
    if (this.#marks.isOn) document.activeElement?.blur();
  }

  undo() {
    if (this.#enabled) this.#marks?.undo();
  }

  /** True when the key of this name moved the cross, or put or ended a mark. */
  press(name, event, images) {
    if (!this.#marks?.isOn) return false;
    if (name === "Escape") {
      this.#marks.setOn(false);
      return true;
    }
    if (name === "Enter" && document.activeElement !== document.body) return false;
    return this.#marks.press(name, { fine: event.shiftKey, images });
  }

  #remove(index) {
    if (!this.#enabled) return;
    this.#marks.remove(index);
    const buttons = this.#list.querySelectorAll("button");
    (buttons[Math.min(index, buttons.length - 1)] ?? this.#markButton).focus({ preventScroll: true });
  }

  #showMarks() {
    const { isOn, isFull, canUndo, list } = this.#marks;
    this.#root.toggleAttribute("data-marking", isOn);
    this.#markButton.setAttribute("aria-pressed", String(isOn));
    this.#markButton.disabled = !this.#enabled;
    this.#undoButton.disabled = !this.#enabled || !canUndo;
    const sides = this.#root.dataset.scale === "pair" ? [" left", " right"] : ["", ""];
    this.#list.replaceChildren(...list.map((mark, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.mark = String(index);
      button.textContent = `${index + 1} ×`;
      button.setAttribute("aria-label", `Delete mark ${index + 1}${sides[mark.image]}`);
      button.disabled = !this.#enabled;
      const item = document.createElement("li");
      item.append(button);
      return item;
    }));
    const text = list.length === 1 ? "1 mark" : `${list.length} marks`;
    this.#count.textContent = isFull ? `${text}: no more fit` : text;
  }
}
