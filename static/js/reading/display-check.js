/* The check of the screen before the first image: a test pattern, and what the page can tell about size and zoom. */

import { describeScreen } from "./screen.js";

const SIDE = 384; // pixels of the screen
const STEPS = 16;

/** Resolves to what the reader sees when the button is pressed. `stage`: the element that will show the images. */
export function checkDisplay(section, stage) {
  const canvas = section.querySelector("canvas");
  const button = section.querySelector("button");
  const refresh = () => {
    drawPattern(canvas);
    describe(section, stage);
  };
  refresh();
  section.dataset.ready = "";
  window.addEventListener("resize", refresh); // also when the zoom changes
  button.disabled = false;
  return new Promise((resolve) => {
    button.addEventListener("click", () => {
      window.removeEventListener("resize", refresh);
      section.remove();
      resolve({
        sees_dark_patch: section.querySelector("[name=dark]").checked,
        sees_light_patch: section.querySelector("[name=light]").checked,
      });
    }, { once: true });
  });
}

// One pixel of the canvas on one of the screen. Patches of 5 % and 95 % as in the SMPTE RP 133 pattern.
function drawPattern(canvas) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.height = SIDE;
  canvas.style.width = canvas.style.height = `${SIDE / ratio}px`;
  const context = canvas.getContext("2d");
  const fill = (level, x, y, width, height) => {
    context.fillStyle = `rgb(${level} ${level} ${level})`;
    context.fillRect(x, y, width, height);
  };
  fill(128, 0, 0, SIDE, SIDE);
  for (let step = 0; step < STEPS; step += 1) {
    fill(Math.round((255 * step) / (STEPS - 1)), (step * SIDE) / STEPS, 0, SIDE / STEPS, 96);
  }
  fill(0, 24, 120, 144, 120);
  fill(13, 72, 156, 48, 48);
  fill(255, 216, 120, 144, 120);
  fill(242, 264, 156, 48, 48);
  for (let x = 24; x < 168; x += 2) fill(0, x, 264, 1, 96);
  for (let x = 25; x < 168; x += 2) fill(255, x, 264, 1, 96);
  for (let y = 264; y < 360; y += 2) fill(0, 216, y, 144, 1);
  for (let y = 265; y < 360; y += 2) fill(255, 216, y, 144, 1);
}

function describe(section, stage) {
  const size = Number(section.dataset.size);
  const { screen_width: width, screen_height: height, pixel_ratio: ratio, zoom_percent: zoom, stage_side: side } = describeScreen(stage);
  const say = (name, text) => {
    section.querySelector(`#reading-display-${name}`).textContent = text;
  };
  say("fit", side >= size
    ? `${size} × ${size} pixels: fit one to one on this screen`
    : `${size} × ${size} pixels: one to one is larger than the ${side} pixels there are. They are shown at ${Math.round((100 * side) / size)} %; `
      + "“1:1” shows all pixels of a part.");
  say("screen", `${Math.round(width * ratio)} × ${Math.round(height * ratio)} pixels, ${Number(ratio.toFixed(2))} for one of the page`);
  say("zoom", zoom === null ? "not known" : zoom === 100 ? "100 %" : `${zoom} %: please set it to 100 % (Ctrl and 0)`);
}
