/* One slider for the opacity of all maps on the page; they may come into it later, when the job has ended. */
(() => {
  "use strict";

  const KEPT = "heat-opacity"; // for this tab, so that the next maps are shown alike

  function show(slider) {
    const section = slider.closest("[data-heat-maps]");
    section.style.setProperty("--tr-heat-opacity", String(Number(slider.value) / 100));
    section.querySelector("[data-heat-value]").textContent = `${slider.value} %`;
    slider.setAttribute("aria-valuetext", `${slider.value} percent`);
  }

  function prepare() {
    for (const slider of document.querySelectorAll("[data-heat-opacity][disabled]")) {
      slider.value = window.sessionStorage.getItem(KEPT) ?? slider.value;
      slider.disabled = false;
      show(slider);
    }
  }

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-heat-opacity]")) return;
    window.sessionStorage.setItem(KEPT, event.target.value);
    show(event.target);
  });
  document.addEventListener("htmx:afterSettle", prepare);
  prepare();
})();
