/* The time-lapse of a training run: a slider through its sample grids, which grows while the run is going on. */
(() => {
  "use strict";

  const POLL_MS = 3000;
  const FRAME_MS = 250;

  const section = document.querySelector("[data-generation-grids]");
  if (!section) return;
  const find = (name) => section.querySelector(`[data-grid-${name}]`);
  const slider = find("slider");
  const image = find("image");
  const play = find("play");
  let grids = JSON.parse(document.getElementById("generation-grids").textContent);
  let player = null;

  function show(position) {
    const grid = grids[position];
    if (!grid) return;
    const step = grid.step.toLocaleString("en-GB");
    if (image.getAttribute("src") !== grid.url) image.src = grid.url;
    slider.value = String(position);
    slider.setAttribute("aria-valuetext", `${step} images seen`);
    find("step").textContent = step;
  }

  function update(newGrids) {
    const followsNewest = !player && Number(slider.value) >= Number(slider.max);
    grids = newGrids;
    find("empty").hidden = grids.length > 0;
    find("viewer").hidden = grids.length === 0;
    slider.max = String(Math.max(grids.length - 1, 0));
    slider.disabled = play.hidden = grids.length < 2;
    if (followsNewest) show(grids.length - 1);
  }

  // --- play: once from the first to the last ---

  function stop() {
    window.clearInterval(player);
    player = null;
    play.textContent = "Play";
  }

  function start() {
    for (const grid of grids) new Image().src = grid.url; // so that no frame waits for the network
    let position = Number(slider.value) >= grids.length - 1 ? 0 : Number(slider.value);
    play.textContent = "Pause";
    show(position);
    player = window.setInterval(() => {
      position += 1;
      show(position);
      if (position >= grids.length - 1) stop();
    }, FRAME_MS);
  }

  play.addEventListener("click", () => (player ? stop() : start()));
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });

  // --- new grids, until the run has ended ---

  const NO_POINTS = "999999999999999"; // only grids are wanted, not the curves
  let attempt = "";

  async function poll() {
    let final = false;
    try {
      const response = await fetch(`${section.dataset.series}?attempt=${attempt}&from=${NO_POINTS}`);
      if (response.ok) {
        const answer = await response.json();
        attempt = answer.attempt;
        final = answer.final;
        update(answer.grids);
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the server is away: ask again
    }
    if (!final) window.setTimeout(poll, POLL_MS);
  }

  update(grids);
  if (section.dataset.series) poll();
})();
