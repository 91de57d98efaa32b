/* Keys of the screening queue: each presses the button or link that names it. A decision counts once the image is there,
   and not while the one before is being saved: nobody decides on an image that was not shown. */
(() => {
  "use strict";

  let saving = false;

  const region = () => document.querySelector("[data-screening]");
  const problem = () => document.querySelector("[data-screening-problem]");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || !region()) return;
    if (event.target.matches("input, textarea, select")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const target = region().querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (saving) return;
    if (target.matches("[data-decides]")) {
      const image = region().querySelector("[data-screening-image]");
      if (image && !image.complete) return;
    }
    if (target.matches("fieldset")) target.querySelector("button").focus();
    else target.click();
  });

  document.addEventListener("htmx:beforeRequest", () => {
    saving = true;
    problem()?.setAttribute("hidden", "");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    saving = false;
    if (!event.detail.successful) problem()?.removeAttribute("hidden");
  });
  document.addEventListener("htmx:afterSettle", () => {
    document.querySelector("[data-screening-heading]")?.focus({ preventScroll: true });
    preload();
  });

  function preload() {
    const following = region()?.dataset.following;
    if (following) new Image().src = following;
  }
  preload();
})();
