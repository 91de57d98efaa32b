/* The live parts of a job's page that htmx does not do: curves, the slider through sample grids, log scrolling. */
(() => {
  "use strict";

  const POLL_MS = 2000;
  const COLOURS = ["#1f5f8b", "#b4460f", "#2d7a3e", "#7a3d8f", "#8a6d00", "#a3174a"];

  const element = document.querySelector("[data-job-series]");
  if (!element) return;

  const inWords = (name) => (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll("_", " ");

  // --- curves: names that end in the same word (d_loss, g_loss) share a chart ---

  const chartsBox = element.querySelector("[data-job-charts]");
  const curvesSection = element.querySelector("[data-job-curves]");
  const data = { attempt: 0, steps: [], values: {} };
  const charts = new Map(); // last word of the names -> {names, plot}

  function merge(answer) {
    let keep = data.steps.length;
    if (answer.attempt !== data.attempt || answer.from === 0) {
      keep = 0;
    } else {
      while (keep > 0 && data.steps[keep - 1] >= answer.from) keep -= 1;
    }
    const before = data.steps.slice(0, keep);
    const names = new Set([...Object.keys(data.values), ...Object.keys(answer.values)]);
    for (const name of names) {
      const old = keep ? (data.values[name] || before.map(() => null)).slice(0, keep) : [];
      data.values[name] = old.concat(answer.values[name] || answer.steps.map(() => null));
    }
    data.steps = before.concat(answer.steps);
    data.attempt = answer.attempt;
  }

  function grouped() {
    const groups = new Map();
    for (const name of Object.keys(data.values)) {
      const key = name.split("_").pop();
      groups.set(key, [...(groups.get(key) || []), name]);
    }
    return groups;
  }

  function drawCurves() {
    if (!chartsBox || !data.steps.length) return;
    curvesSection.hidden = false;
    for (const [key, names] of grouped()) {
      const rows = [data.steps, ...names.map((name) => data.values[name])];
      const chart = charts.get(key);
      if (chart && chart.names.join() === names.join()) {
        chart.plot.setData(rows);
        showLast(chart.plot);
        continue;
      }
      if (chart) {
        chart.plot.destroy();
        chart.box.remove();
      }
      charts.set(key, newChart(key, names, rows));
    }
  }

  function newChart(key, names, rows) {
    const box = document.createElement("div");
    box.className = "tr-job-chart";
    const title = document.createElement("h3");
    title.textContent = inWords(names.length === 1 ? names[0] : key);
    box.append(title);
    chartsBox.append(box);
    const number = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());
    const options = {
      hooks: { setCursor: [(plot) => plot.cursor.left < 0 && showLast(plot)] },
      width: box.clientWidth - 24,
      height: 240,
      scales: { x: { time: false } },
      legend: { live: true },
      cursor: { drag: { x: true, y: false } },
      axes: [{ label: "Step", labelSize: 20, size: 40 }, { size: 64 }],
      series: [
        { label: "Step", value: (plot, value) => (value === null ? "–" : value.toLocaleString("en-GB")) },
        ...names.map((name, n) => ({
          label: inWords(name),
          stroke: COLOURS[n % COLOURS.length],
          width: 1.5,
          spanGaps: true,
          points: { show: rows[0].length < 2 },
          value: (plot, value) => number(value),
        })),
      ],
    };
    const plot = new uPlot(options, rows, box);
    showLast(plot);
    return { names, box, plot };
  }

  // Without a pointer over the chart its legend gives the newest values.
  function showLast(plot) {
    if (plot.cursor.left === undefined || plot.cursor.left < 0) plot.setLegend({ idx: plot.data[0].length - 1 });
  }

  window.addEventListener("resize", () => {
    for (const { box, plot } of charts.values()) plot.setSize({ width: box.clientWidth - 24, height: 240 });
  });

  // --- sample grids ---

  const gridSection = element.querySelector("[data-job-grids]");
  const slider = element.querySelector("[data-job-grid-slider]");
  const image = element.querySelector("[data-job-grid-image]");
  const link = element.querySelector("[data-job-grid-link]");
  const stepOutput = element.querySelector("[data-job-grid-step]");
  let grids = [];

  function updateGrids(newGrids) {
    const followsNewest = Number(slider.value) >= grids.length - 1;
    grids = newGrids;
    if (!grids.length) return;
    gridSection.hidden = false;
    slider.disabled = grids.length < 2;
    slider.max = String(grids.length - 1);
    if (followsNewest) slider.value = slider.max;
    showGrid();
  }

  function showGrid() {
    const grid = grids[Number(slider.value)];
    if (!grid) return;
    const step = grid.step === null ? "" : grid.step.toLocaleString("en-GB");
    if (image.getAttribute("src") !== grid.url) image.src = grid.url;
    image.alt = `Samples at step ${step}`;
    link.href = grid.url;
    stepOutput.textContent = step;
    slider.setAttribute("aria-valuetext", `step ${step}`);
  }

  slider.addEventListener("input", showGrid);

  // --- polling ---

  let timer = null;

  async function poll() {
    timer = null;
    const from = data.steps.length ? data.steps[data.steps.length - 1] : 0;
    let final = false;
    try {
      const response = await fetch(`${element.dataset.jobSeries}?attempt=${data.attempt}&from=${from}`);
      if (response.ok) {
        const answer = await response.json();
        final = answer.final;
        merge(answer);
        drawCurves();
        updateGrids(answer.grids);
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the server is away: ask again
    }
    if (!final) timer = window.setTimeout(poll, POLL_MS);
  }

  poll();

  // --- state: said once when it changes; a resumed job is polled again; an ended one shows its result ---

  const announcer = document.querySelector("[data-job-announcer]");
  const panel = () => document.querySelector("[data-job-state]");
  let state = panel()?.dataset.jobState;

  document.body.addEventListener("htmx:afterSettle", () => {
    const now = panel()?.dataset.jobState;
    if (!now || now === state) return;
    const wasFinal = ["succeeded", "failed", "cancelled"].includes(state);
    state = now;
    announcer.textContent = `The job is ${now}.`;
    if (wasFinal) window.location.reload(); // resumed: the log and the curves live again
  });

  // --- log: stays at the end unless the reader has scrolled up ---

  const log = document.querySelector("[data-job-log]");
  let atEnd = true;
  log.scrollTop = log.scrollHeight;
  log.addEventListener("scroll", () => {
    atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  });
  log.addEventListener("htmx:afterSettle", () => {
    if (atEnd) log.scrollTop = log.scrollHeight;
  });
})();
