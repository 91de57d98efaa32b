/* Which key does what on the page that regions are drawn on: keep in step with templates/imaging/regions/_help.html. */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 1 / 32; // of the range of grey levels
const ZOOM = 1.2;
const PAN = 48; // CSS pixels
const HELD = 5; // repeats of an arrow that is held, before it goes by more than a pixel
const STRIDE = 1 / 100; // of the image's shorter side, then

const VIEW = new Map([
  ["q", (stage) => stage.adjustWindow(STEP, 0)],
  ["w", (stage) => stage.adjustWindow(-STEP, 0)],
  ["e", (stage) => stage.adjustWindow(0, STEP)],
  ["r", (stage) => stage.adjustWindow(0, -STEP)],
  ["+", (stage) => stage.zoomBy(ZOOM)],
  ["=", (stage) => stage.zoomBy(ZOOM)],
  ["-", (stage) => stage.zoomBy(1 / ZOOM)],
  ["h", (stage) => stage.panBy(PAN, 0)],
  ["j", (stage) => stage.panBy(0, -PAN)],
  ["k", (stage) => stage.panBy(0, PAN)],
  ["l", (stage) => stage.panBy(-PAN, 0)],
  ["i", (stage) => stage.invert()],
  ["o", (stage) => stage.actualSize()],
  ["0", (stage) => stage.fit()],
  ["u", (stage) => stage.reset()],
]);

export function attachKeys({ config, editor, stage, panel, actions, isReady }) {
  let held = 0; // how often the arrow that is down has come

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || panel.isHelpOpen) return;
    if (event.target.matches("input, textarea, select")) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "z") {
      event.preventDefault();
      editor.undo();
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const onButton = event.target.matches("button, a, summary");
    if (onButton && (event.key === "Enter" || event.key === " ")) return; // the button's own
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (act(name, event)) event.preventDefault();
  });
  document.addEventListener("keyup", () => {
    held = 0;
    editor.endMerge();
  });

  /** True when the key meant something here. */
  function act(name, event) {
    if (name === "?") return panel.toggleHelp() ?? true;
    if (name === "PageUp") return actions.go(-1) ?? true;
    if (name === "PageDown") return actions.go(1) ?? true;
    if (!isReady()) return name in ARROWS;
    if (name === "Tab") return tab(event);
    if (name in ARROWS) return arrow(ARROWS[name], event);
    if (name === "Enter") return event.repeat || (actions.save() ?? true);
    if (name === "Backspace") return editor.undo() ?? true;
    if (name === "Delete") return editor.clear() ?? true;
    if (name === " ") return editor.current.box !== null || (editor.putDown() ?? true);
    if (/^[1-9]$/.test(name)) return actions.label(Number(name) - 1) ?? true;
    const taker = (config.codes ?? []).findIndex((code) => code.toLowerCase() === name);
    if (taker !== -1) return actions.take(taker) ?? true;
    if (name === "n") return actions.notVisible() ?? true;
    const view = VIEW.get(name);
    if (view === undefined) return false;
    view(stage);
    return true;
  }

  // from region to region while the stage has the focus; from the last one on to the buttons, as Tab does everywhere
  function tab(event) {
    if (event.target.id !== "regions-stage") return false;
    const next = editor.active + (event.shiftKey ? -1 : 1);
    if (next < 0 || next >= config.names.length) return false;
    editor.activate(next);
    return true;
  }

  function arrow([dx, dy], event) {
    held = event.repeat ? held + 1 : 0;
    const stride = Math.max(1, Math.round(Math.min(editor.size.width, editor.size.height) * STRIDE));
    const step = held > HELD ? stride : 1;
    if (event.shiftKey) editor.resize(dx * step, dy * step);
    else editor.move(dx * step, dy * step);
    return true;
  }
}
