/* Curves of one run (lines that belong together share a chart) or of several (one chart per curve, one line per run),
   over the real images that were seen, or what else the section says. They grow while a run is going on. */
(() => {
  "use strict";

  const POLL_MS = 3000;
  const COLOURS = ["#1f5f8b", "#b4460f", "#2d7a3e", "#7a3d8f", "#8a6d00", "#a3174a"];
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]]; // lines can be told apart without their colours
  const TITLES = {
    images_per_second: "Images per second",
    loader_wait_share: "Waiting for training images (share of the time)",
    skipped_steps: "Steps left out because a number was not finite",
  };
  const NOT_SHOWN = new Set(["iterations_per_second"]);

  const section = document.querySelector("[data-run-curves]");
  if (!section) return;
  const box = section.querySelector("[data-run-charts]");
  const runs = JSON.parse(document.getElementById("curve-runs").textContent).map((run) => ({
    ...run,
    attempt: "",
    steps: [],
    values: {},
  }));
  const charts = new Map(); // key -> {labels, plot, box}

  function words(name) {
    const measure = name.match(/^(kid|fid)_(.+)_([0-9a-f]{8})$/);
    if (measure) return `${measure[1].toUpperCase()} (${measure[2].replaceAll("_", "-")}, weights ${measure[3]})`;
    if (TITLES[name]) return TITLES[name];
    return (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll("_", " ");
  }

  function keyOf(name) {
    if (runs.length > 1 || TITLES[name] || /^(kid|fid)_/.test(name)) return name;
    return name.split("_").pop();
  }

  function merge(run, answer) {
    let keep = run.steps.length;
    if (answer.attempt !== run.attempt || answer.from === 0) keep = 0;
    else while (keep > 0 && run.steps[keep - 1] >= answer.from) keep -= 1;
    const before = run.steps.slice(0, keep);
    for (const name of new Set([...Object.keys(run.values), ...Object.keys(answer.values)])) {
      const old = keep ? (run.values[name] || before.map(() => null)).slice(0, keep) : [];
      run.values[name] = old.concat(answer.values[name] || answer.steps.map(() => null));
    }
    run.steps = before.concat(answer.steps);
    run.attempt = answer.attempt;
  }

  function draw() {
    const groups = new Map(); // key -> [{label, steps, values}]
    for (const run of runs) {
      for (const [name, values] of Object.entries(run.values)) {
        if (NOT_SHOWN.has(name) || values.every((value) => value === null)) continue;
        const label = runs.length > 1 ? run.name : words(name);
        const before = groups.get(keyOf(name)) || [];
        const style = runs.length > 1 ? runs.indexOf(run) : before.length; // a run looks the same in every chart
        groups.set(keyOf(name), [...before, { label, name, style, steps: run.steps, values }]);
      }
    }
    section.querySelector("[data-curves-empty]").hidden = groups.size > 0;
    const isClean = (groups.get("skipped_steps") || []).every((line) => line.values.every((value) => !value));
    section.querySelector("[data-curves-clean]").hidden = !groups.has("skipped_steps") || !isClean;
    if (isClean && !charts.has("skipped_steps")) groups.delete("skipped_steps"); // a line at zero says nothing more
    for (const [key, lines] of groups) {
      const labels = lines.map((line) => line.label).join();
      // "no value here" (null) and "not a point of this line" (undefined) both let the line go on
      const rows = uPlot.join(lines.map((line) => [line.steps, line.values]));
      const chart = charts.get(key);
      if (chart && chart.labels === labels) {
        chart.plot.setData(rows);
        showLast(chart.plot);
        continue;
      }
      if (chart) {
        chart.plot.destroy();
        chart.box.remove();
      }
      charts.set(key, newChart(lines.length > 1 && runs.length === 1 ? words(key) : words(lines[0].name), labels, lines, rows));
    }
  }

  const short = (value) => (value >= 1000 ? `${(value / 1000).toLocaleString("en-GB")}k` : String(value));
  const number = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());

  function newChart(title, labels, lines, rows) {
    const own = document.createElement("div");
    own.className = "tr-job-chart";
    const heading = document.createElement("h3");
    heading.textContent = title;
    own.append(heading);
    box.append(own);
    const options = {
      hooks: { setCursor: [(plot) => plot.cursor.left < 0 && showLast(plot)] },
      width: own.clientWidth - 24,
      height: 240,
      scales: { x: { time: false } },
      legend: { live: true },
      cursor: { drag: { x: true, y: false } },
      axes: [
        { label: section.dataset.xLabel, labelSize: 20, size: 40, values: (plot, splits) => splits.map(short) },
        { size: 64 },
      ],
      series: [
        { label: section.dataset.xLabel, value: (plot, value) => (value === null ? "–" : value.toLocaleString("en-GB")) },
        ...lines.map((line) => ({
          label: line.label,
          stroke: COLOURS[line.style % COLOURS.length],
          dash: DASHES[line.style % DASHES.length],
          width: 1.5,
          spanGaps: true,
          points: { show: line.values.filter((value) => value !== null).length < 3 },
          value: (plot, value) => number(value),
        })),
      ],
    };
    const plot = new uPlot(options, rows, own);
    showLast(plot);
    return { labels, box: own, plot };
  }

  // Without a pointer over the chart its legend gives the newest values.
  function showLast(plot) {
    if (plot.cursor.left === undefined || plot.cursor.left < 0) plot.setLegend({ idx: plot.data[0].length - 1 });
  }

  window.addEventListener("resize", () => {
    for (const chart of charts.values()) chart.plot.setSize({ width: chart.box.clientWidth - 24, height: 240 });
  });

  async function poll(run) {
    const from = run.steps.length ? run.steps[run.steps.length - 1] : 0;
    let final = false;
    try {
      const response = await fetch(`${run.url}?attempt=${run.attempt}&from=${from}`);
      if (response.ok) {
        const answer = await response.json();
        final = answer.final;
        merge(run, answer);
        draw();
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the server is away: ask again
    }
    if (!final) window.setTimeout(poll, POLL_MS, run);
  }

  runs.forEach(poll);
})();
