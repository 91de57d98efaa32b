/* The page on which regions are drawn: by an annotator, or by an adjudicator who sees what two annotators drew. */

import { attachKeys } from "./regions/keys.js";
import { Editor, fromServer, scaledBox } from "./regions/editor.js";
import { Outbox } from "./regions/outbox.js";
import { paintRegions } from "./regions/painting.js";
import { Panel } from "./regions/panel.js";
import { attachPointer } from "./regions/pointing.js";
import { Picture, Stage } from "./regions/stage.js";
import { Refused, persist, request } from "./reading/server.js";

const config = JSON.parse(document.getElementById("regions-config").textContent);
const canvas = document.getElementById("regions-canvas");
const PLACES_KEPT = 4; // images in memory: the one that is shown, its neighbours and one on its way

const addressOf = (position) => config.image.replace("/0/", `/${position}/`);
const isAdjudication = config.mode === "adjudicate";

let shown = null; // {position, meta, picture}; null while one is loading
let others = []; // adjudication: [{code, regions}] of two
let wanted = config.start;
let last = null; // rectangles of the image that was saved last, to begin with: {size, regions}
const done = new Set(config.done);
const drawn = new Map(); // position -> regions as saved on this page (of the editor)
const drafts = new Map(); // position -> regions that were changed and left without saving
const loading = new Map(); // position -> promise of {meta, picture}

const editor = new Editor(config.names, () => {
  stage.refresh();
  panel.update();
});
const stage = new Stage(canvas, (context, place) => {
  if (shown !== null) paintRegions(context, place, editor, others);
});
const panel = new Panel(config, editor, { label, take, notVisible, save, go, undo: () => editor.undo(), clear: () => editor.clear(), place: () => editor.putDown(), focusStage });
const outbox = new Outbox({
  name: config.kept,
  addressOf,
  notice: panel.notice,
  told: {
    changed: (count) => panel.showSaving(count),
    saved: (position) => {
      done.add(position);
      panel.showDone(done.size);
      panel.showSaving(outbox.count);
    },
    refused: (position, text, code) => {
      if (code !== "closed") drafts.set(position, drawn.get(position) ?? []);
      drawn.delete(position);
      done.delete(position);
      panel.showDone(done.size);
      panel.notice.say(`Image ${position} was not saved: ${text}`, { close: true });
    },
  },
});

function focusStage() {
  document.getElementById("regions-stage").focus({ preventScroll: true });
}

/* --- actions ----------------------------------------------------------------------------------------------- */

function label(index) {
  if (shown !== null && index < config.labels.length) editor.setLabel(config.labels[index]);
}

function notVisible() {
  if (shown === null) return;
  if (editor.current.reason === "") editor.setReason(panel.lastReason);
  panel.askReason();
}

function take(index) {
  const other = others[index];
  const region = other?.regions?.[editor.active];
  if (region !== undefined) editor.take(region, other.code);
}

function save() {
  if (shown === null) return;
  if (editor.lack !== "") {
    panel.sayLack(editor.lack);
    return;
  }
  const { position, meta } = shown;
  last = { size: meta, regions: editor.snapshot() };
  drawn.set(position, editor.snapshot());
  drafts.delete(position);
  editor.changed = false;
  outbox.add(position, editor.payload);
  const at = config.positions.indexOf(position);
  if (at + 1 < config.positions.length) show(config.positions[at + 1]);
  else finish();
}

function finish() {
  const open = config.positions.filter((position) => !done.has(position) && !drawn.has(position));
  if (open.length > 0) {
    show(open[0]);
    panel.say(`That was the last one. This is the first image that is not drawn yet; there ${open.length === 1 ? "is 1" : `are ${open.length}`} left.`);
  } else {
    panel.showFinished();
  }
}

/** To the image before (-1) or after (+1), without saving: what was changed is kept on this page. */
function go(step) {
  const at = config.positions.indexOf(wanted) + step;
  if (at >= 0 && at < config.positions.length) show(config.positions[at]);
}

/* --- images ------------------------------------------------------------------------------------------------ */

function load(position) {
  const known = loading.get(position);
  loading.delete(position); // so that it is the last to go
  const promise = known ?? fetchImage(position).catch((error) => {
    loading.delete(position);
    throw error;
  });
  loading.set(position, promise);
  for (const old of [...loading.keys()].slice(0, -PLACES_KEPT)) loading.delete(old);
  return promise;
}

async function fetchImage(position) {
  const meta = await (await request(addressOf(position))).json();
  const pixels = await request(meta.pixels, { cache: "default" });
  return { meta, picture: new Picture(await pixels.arrayBuffer(), meta) };
}

async function show(position) {
  if (shown !== null && editor.changed) drafts.set(shown.position, editor.snapshot());
  wanted = position;
  shown = null;
  editor.changed = false;
  panel.showPlace(position, { loading: true });
  stage.clear();
  try {
    const { meta, picture } = await persist(() => load(position), "The image could not be loaded.", panel.notice);
    if (wanted !== position) return; // somebody went on meanwhile
    panel.notice.hide();
    begin(position, meta, picture);
  } catch (error) {
    const text = error instanceof Refused ? error.message || `The server said ${error.status}.` : String(error);
    if (wanted === position) panel.notice.say(`The image could not be loaded: ${text}`, { close: true });
  }
}

function begin(position, meta, picture) {
  shown = { position, meta, picture };
  others = (meta.others ?? []).map((one) => ({ code: one.code, regions: fromServer(one.regions) }));
  stage.show(picture);
  const draft = drafts.get(position);
  const saved = drawn.get(position) ?? fromServer(meta.regions);
  editor.load(meta, draft ?? saved ?? agreed(meta) ?? offered(meta), { changed: draft !== undefined });
  panel.showPlace(position, { isSaved: draft === undefined && saved !== null && saved !== undefined });
  focusStage();
  const next = config.positions[config.positions.indexOf(position) + 1];
  if (next !== undefined) load(next).catch(() => {}); // ahead of time; if it fails, it is asked for again
}

// regions on which both annotators agree: the first one's
function agreed(meta) {
  if (!isAdjudication) return null;
  const [first] = others;
  return first.regions?.filter((one) => meta.agreed.includes(one.name)).map((one) => ({ ...one, takenFrom: first.code })) ?? null;
}

function offered(meta) {
  if (!config.offersLast) return null;
  const before = last ?? (meta.last && { size: { width: meta.lastSize[0], height: meta.lastSize[1] }, regions: fromServer(meta.last) });
  return before?.regions
    .filter((one) => one.box !== null)
    .map((one) => ({ name: one.name, box: scaledBox(one.box, before.size, meta), offered: true })) ?? null;
}

/* --- begin ------------------------------------------------------------------------------------------------- */

addEventListener("beforeunload", (event) => {
  if (outbox.count > 0 || editor.changed || drafts.size > 0) event.preventDefault();
});
attachPointer(canvas, stage, editor, () => shown !== null);
attachKeys({ config, editor, stage, panel, actions: { label, take, notVisible, save, go }, isReady: () => shown !== null });
document.getElementById("regions-needs-script").remove();
for (const [position, regions] of outbox.resume()) drawn.set(position, fromServer(regions));
panel.showDone(done.size);
panel.showSaving(outbox.count);
show(config.start);
