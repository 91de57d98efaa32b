/* What a page can know about the screen it is on. */

/** `stage`: the element that shows the image. */
export function describeScreen(stage) {
  const ratio = window.devicePixelRatio || 1;
  return {
    screen_width: screen.width,
    screen_height: screen.height,
    pixel_ratio: ratio,
    zoom_percent: zoomPercent(),
    stage_side: Math.floor(Math.min(stage.clientWidth, stage.clientHeight) * ratio),
  };
}

// No browser tells its zoom. On a desktop the window's outer width is in unzoomed pixels and the inner one in zoomed ones;
// the window's frame is a few pixels, so the nearest step of 5 % is right. On a touch screen the pinch is known.
function zoomPercent() {
  const pinched = window.visualViewport?.scale ?? 1;
  if (pinched !== 1) return Math.round(100 * pinched);
  if (!window.outerWidth || matchMedia("(pointer: coarse)").matches) return null;
  const percent = 5 * Math.round((20 * window.outerWidth) / window.innerWidth);
  return percent >= 25 && percent <= 500 ? percent : null;
}
