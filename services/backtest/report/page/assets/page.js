"use strict";
// Live charts, sorting and finding. The page says everything without it.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const data = JSON.parse(document.getElementById("data").textContent);
  const charts = new Map();
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const faded = (name, part) => colour(name) + Math.round(part * 2.55).toString(16).padStart(2, "0"); // all are #rrggbb
  const money = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const written = {
    usd: (value) => (value == null ? "" : (value < 0 ? "-$" : "$") + money.format(Math.abs(value))),
    fraction: (value, digits = 2) => (value == null ? "" : (value * 100).toFixed(digits) + " %"),
  };
  const sums = (steps) => { let at = 0; return steps.map((step) => (at += step)); };
  const compact = (value) => {
    const size = Math.abs(value), sign = value < 0 ? "-$" : "$";
    return size >= 1e6 ? sign + +(size / 1e6).toFixed(2) + "M" : size >= 1e3 ? sign + +(size / 1e3).toFixed(2) + "k" : sign + size;
  };
  const axisWords = { usd: (values) => values.map(compact), fraction: (values) => values.map((value) => +(value * 100).toFixed(2) + " %") };

  function under(chart, spec) {
    const { ctx, bbox } = chart;
    const along = (at) => Math.min(Math.max(chart.valToPos(at, "x", true), bbox.left), bbox.left + bbox.width);
    const level = (value) => Math.min(Math.max(chart.valToPos(value, "y", true), bbox.top), bbox.top + bbox.height);
    const box = (left, top, width, height, fill) => { ctx.fillStyle = fill; ctx.fillRect(left, top, width, height); };
    ctx.save();
    for (const [begin, end] of spec.spans) {
      const left = along(begin), width = along(end) - left;
      if (end >= chart.scales.x.min && begin <= chart.scales.x.max) box(left, bbox.top, Math.max(1, width), bbox.height, faded("warn", 22));
    }
    if (spec.band) box(bbox.left, level(spec.band[1]), bbox.width, level(spec.band[0]) - level(spec.band[1]), faded("ok", 13));
    if (spec.beyond != null) box(bbox.left, bbox.top, bbox.width, level(spec.beyond) - bbox.top, faded("limit", 9));
    ctx.restore();
  }

  // By the least distance of two dates: what is written, and below it where the year, or the day, is another one.
  const dates = [
    [31536000, "{YYYY}", null, null, null, null, null, null, 1],
    [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  ];

  function options(spec, width) {
    const axis = { stroke: () => colour("dim"), font: "12px system-ui, sans-serif", ticks: { show: false }, grid: { stroke: () => colour("line"), width: 1 } };
    const narrow = width < 520;
    return {
      width,
      height: spec.height + 44,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
      padding: [8, 18, 0, 0],
      cursor: { sync: { key: "time", scales: ["x", null] }, drag: { x: true, y: false }, points: { size: 7 } },
      legend: { live: true, markers: { fill: (chart, index) => (index ? colour(spec.lines[index - 1].style) : "transparent") } },
      scales: { x: { time: true }, y: { range: () => spec.range } },
      axes: [{ ...axis, space: narrow ? 70 : 90, values: dates }, { ...axis, size: narrow ? 46 : 56, gap: 4, values: (_, values) => axisWords[spec.unit](values) }],
      series: [
        { label: "UTC", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
        ...spec.lines.map((line) => ({
          label: line.label,
          stroke: () => colour(line.style),
          width: spec.times.length > 1500 ? 1 : 1.6,
          dash: line.style === "limit" ? [5, 4] : undefined,
          fill: line.filled ? () => faded(line.style, 16) : undefined,
          fillTo: 0,
          points: { show: false },
          value: (_, value) => written[spec.unit](value),
        })),
      ],
      hooks: { drawAxes: [(chart) => under(chart, spec)], setCursor: [last] },
    };
  }

  // Without a cursor the legend tells the last point.
  function last(chart) {
    if (chart.cursor.idx == null) chart.setLegend({ idx: chart.data[0].length - 1 }, false);
  }

  function keys(chart, event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -50, PageDown: 50 }[event.key];
    const times = chart.data[0];
    if (event.key === "Escape") for (const each of charts.values()) each.setScale("x", { min: each.data[0][0], max: each.data[0].at(-1) });
    if (!step) return;
    event.preventDefault();
    // Within what is shown: from where the cursor is, or from the beginning.
    const { min, max } = chart.scales.x;
    const first = chart.valToIdx(min), last = chart.valToIdx(max);
    const index = Math.min(Math.max((chart.cursor.idxs?.[0] ?? chart.cursor.idx ?? first) + step, first), last);
    chart.setCursor({ left: chart.valToPos(times[index], "x"), top: chart.over.clientHeight / 2 }, true, true);
  }

  function draw(figure) {
    const key = figure.dataset.plot, spec = data[key];
    if (!spec) return;
    const words = figure.querySelector("svg").getAttribute("aria-label");
    const values = spec.values ??= [sums(spec.times), ...spec.lines.map((line) => line.values.map((value) => value * spec.scale))];
    charts.get(key)?.destroy();
    figure.dataset.live = "";
    const chart = new uPlot(options(spec, figure.clientWidth), values, figure);
    charts.set(key, chart);
    last(chart);
    const label = { tabindex: 0, role: "group", "aria-label": `${spec.title}. ${words} Arrow keys move through time, Escape shows all.` };
    for (const [name, value] of Object.entries(label)) chart.root.setAttribute(name, value);
    chart.root.addEventListener("keydown", (event) => keys(chart, event));
  }

  const figures = [...document.querySelectorAll("figure[data-plot]")];
  for (const figure of figures) {
    try { draw(figure); } catch (error) { delete figure.dataset.live; console.error(error); }
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => figures.filter((figure) => charts.has(figure.dataset.plot)).forEach(draw));
  new ResizeObserver(() => {
    for (const figure of figures) {
      const chart = charts.get(figure.dataset.plot), width = figure.clientWidth;
      if (chart && width && width !== chart.width) chart.setSize({ width, height: chart.height });
    }
  }).observe(document.querySelector("main"));

  const parts = { s: 1, min: 60, h: 3600, d: 86400 };
  function worth(text) {
    const lengths = [...text.matchAll(/(\d+(?:\.\d+)?) (s|min|h|d)\b/g)];
    if (lengths.length && text.replace(/[\d. ]|s|min|h|d/g, "") === "") return lengths.reduce((sum, [, number, unit]) => sum + number * parts[unit], 0);
    const bare = text.replace(/[$,%+* ]/g, "");
    return bare !== "" && Number.isFinite(+bare) ? +bare : text;
  }

  function sort(table, column, head) {
    const rising = head.getAttribute("aria-sort") === "descending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].map((row) => [worth(row.cells[column]?.textContent.trim() ?? ""), row]);
    const order = ([a], [b]) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
    rows.sort(rising ? order : (a, b) => order(b, a));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, column, head));
      head.append(button);
    });
  }

  for (const input of document.querySelectorAll("[data-filter]")) {
    const rows = [...document.getElementById(input.dataset.filter).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const output = input.closest("p").querySelector("output");
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, index) => {
        const fits = wanted.every((word) => texts[index].includes(word));
        row.hidden = !fits;
        shown += fits;
      });
      output.textContent = wanted.length ? `${shown} of ${rows.length}` : "";
    });
  }
})();
