/* Grids of several runs side by side: one slider over the images seen; each run shows its newest grid up to there. */
(() => {
  "use strict";

  const slider = document.querySelector("[data-compare-slider]");
  if (!slider) return;
  const output = document.querySelector("[data-compare-step]");
  const runs = JSON.parse(document.getElementById("compare-grids").textContent); // [{grids: [{step, url}]}]
  const steps = [...new Set(runs.flatMap((run) => run.grids.map((grid) => grid.step)))].sort((a, b) => a - b);

  function show() {
    const limit = steps[Number(slider.value)];
    const words = limit.toLocaleString("en-GB");
    output.textContent = words;
    slider.setAttribute("aria-valuetext", `${words} images seen`);
    runs.forEach((run, index) => {
      const grid = run.grids.filter((one) => one.step <= limit).pop();
      const figure = document.querySelector(`[data-compare-run="${index}"]`);
      const image = figure.querySelector("img");
      if (!grid || !image) return;
      if (image.getAttribute("src") !== grid.url) image.src = grid.url;
      figure.querySelector("[data-compare-at]").textContent = grid.step.toLocaleString("en-GB");
    });
  }

  if (steps.length < 2) return;
  slider.max = String(steps.length - 1); // first: a value above the maximum would be cut
  slider.value = slider.max;
  slider.disabled = false;
  slider.addEventListener("input", show);
  show();
})();
