/* What stands around the image: regions and labels, buttons, progress, whether all is saved, messages. Elements come from
 * templates/imaging/regions/draw.html. */

const find = (id) => document.getElementById(id);
const SPOKEN_AFTER_MS = 400; // an arrow that is held is not read out pixel by pixel

export class Panel {
  #config;
  #editor;
  #rows;
  #speaking = null;
  #loading = true;
  lastReason = "";

  constructor(config, editor, actions) {
    this.#config = config;
    this.#editor = editor;
    this.#rows = [...document.querySelectorAll("[data-region]")];
    const press = (element, action) => {
      element?.addEventListener("click", (event) => {
        action();
        if (event.detail > 0 && document.activeElement === element) actions.focusStage(); // pressed with a pointer: keys draw again
      });
    };
    for (const [index, row] of this.#rows.entries()) press(row, () => editor.activate(index));
    for (const [index, button] of [...document.querySelectorAll("[data-label]")].entries()) press(button, () => actions.label(index));
    for (const [index, button] of [...document.querySelectorAll("[data-take]")].entries()) press(button, () => actions.take(index));
    press(find("regions-not-visible"), actions.notVisible);
    press(find("regions-place"), actions.place);
    press(find("regions-undo"), actions.undo);
    press(find("regions-clear"), actions.clear);
    press(find("regions-save"), actions.save);
    press(find("regions-previous"), () => actions.go(-1));
    press(find("regions-next"), () => actions.go(1));
    for (const button of document.querySelectorAll("[data-help]")) button.addEventListener("click", () => this.toggleHelp());
    const reason = find("regions-reason");
    reason.addEventListener("input", () => editor.setReason(reason.value, "reason"));
    reason.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      actions.focusStage();
    });
    reason.addEventListener("change", () => {
      this.lastReason = reason.value.trim() || this.lastReason;
    });
    this.notice = new Notice();
  }

  /* --- the regions ------------------------------------------------------------------------------------------ */

  update() {
    const editor = this.#editor;
    for (const [index, row] of this.#rows.entries()) {
      row.setAttribute("aria-pressed", String(index === editor.active));
      row.querySelector("[data-words]").textContent = words(editor.regions[index]);
    }
    const { current } = editor;
    for (const [index, button] of [...document.querySelectorAll("[data-label]")].entries()) {
      button.setAttribute("aria-pressed", String(current.label === this.#config.labels[index]));
      button.disabled = this.#loading;
    }
    for (const button of document.querySelectorAll("[data-take]")) {
      button.setAttribute("aria-pressed", String(current.takenFrom === button.dataset.take));
      button.disabled = this.#loading;
    }
    find("regions-not-visible").setAttribute("aria-pressed", String(current.reason !== ""));
    find("regions-not-visible").disabled = this.#loading;
    if (current.name !== this.#asking || current.box !== null) this.#asking = null;
    const asks = current.reason !== "" || this.#asking !== null;
    find("regions-reason-field").hidden = !asks;
    if (find("regions-reason").value !== current.reason && document.activeElement !== find("regions-reason")) {
      find("regions-reason").value = current.reason;
    }
    find("regions-undo").disabled = this.#loading || !editor.canUndo;
    find("regions-clear").disabled = this.#loading || (current.box === null && current.reason === "");
    find("regions-place").disabled = this.#loading || current.box !== null;
    find("regions-save").disabled = this.#loading;
    if (editor.changed) this.say("");
    this.#speak(`${current.name}: ${words(current)}`);
  }

  #asking = null; // the region whose reason is being written, while it is still empty

  askReason() {
    this.#asking = this.#editor.current.name;
    this.update();
    const reason = find("regions-reason");
    reason.value = this.#editor.current.reason;
    reason.focus();
    reason.select();
  }

  #speak(text) {
    clearTimeout(this.#speaking);
    this.#speaking = setTimeout(() => {
      find("regions-spoken").textContent = text;
    }, SPOKEN_AFTER_MS);
  }

  /* --- the image ------------------------------------------------------------------------------------------- */

  showPlace(position, { loading = false, isSaved = false } = {}) {
    this.#loading = loading;
    const { positions } = this.#config;
    const at = positions.indexOf(position);
    find("regions-position").textContent = `Image ${at + 1} of ${positions.length}${isSaved ? " (drawn)" : ""}`;
    find("regions").dataset.state = loading ? "loading" : "ready";
    find("regions").dataset.position = String(position);
    find("regions-previous").disabled = at === 0;
    find("regions-next").disabled = at === positions.length - 1;
    find("regions-finished").hidden = true;
    this.say("");
    this.update();
  }

  showDone(count) {
    find("regions-done").value = count;
    find("regions-done-words").textContent = `${count} of ${this.#config.positions.length} ${this.#config.mode === "draw" ? "drawn" : "decided"}`;
  }

  showSaving(count) {
    const state = count === 0 ? "saved" : "saving";
    find("regions").dataset.saving = state;
    find("regions-saving").textContent = count === 0 ? "All saved" : `Saving ${count} image${count === 1 ? "" : "s"} …`;
  }

  showFinished() {
    find("regions-finished").hidden = false;
    find("regions").dataset.state = "finished";
    find("regions-leave").focus();
  }

  /* --- messages -------------------------------------------------------------------------------------------- */

  say(text) {
    find("regions-message").textContent = text;
  }

  sayLack(text) {
    this.say("");
    find("regions-message").textContent = `Not yet: ${text}.`;
  }

  get isHelpOpen() {
    return find("regions-help").open;
  }

  toggleHelp() {
    if (this.isHelpOpen) find("regions-help").close();
    else find("regions-help").showModal();
  }
}

function words({ box, label, reason, offered, takenFrom }) {
  if (reason !== "") return `not visible: ${reason}`;
  if (box === null) return "not drawn";
  const place = `${box.x}, ${box.y} · ${box.width} × ${box.height} px`;
  const how = offered ? " · from the image before" : takenFrom === "" ? "" : ` · from ${takenFrom}`;
  return `${label || "no label"} · ${place}${how}`;
}

/** As `persist` of ../reading/server.js asks for it. */
class Notice {
  #element = find("regions-notice");
  #text = find("regions-notice-text");
  #button = find("regions-retry");
  #signIn = find("regions-sign-in");

  constructor() {
    this.#button.addEventListener("click", () => {
      if (this.#isClosable) this.#element.hidden = true;
    });
  }

  say(text, { button = "", signIn = false, close = false } = {}) {
    this.#text.textContent = text;
    this.#button.textContent = close ? "Close" : button;
    this.#button.toggleAttribute("data-close", close);
    this.#signIn.hidden = !signIn;
    this.#element.hidden = false;
  }

  get #isClosable() {
    return this.#button.dataset.close !== undefined;
  }

  /** What comes to an end by itself; a refusal stays until somebody has read it. */
  hide() {
    if (!this.#isClosable) this.#element.hidden = true;
  }

  pressed() {
    return new Promise((resolve) => this.#button.addEventListener("click", resolve, { once: true }));
  }
}
