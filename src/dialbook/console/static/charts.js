// Draws each picture from the table of its numbers, in the colours of the page, and again when these change.
"use strict";

// What a colour of the style sheet is in the theme that is shown: that is worked out where something has it.
function colour(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const figures = new Intl.NumberFormat("en");
const DAY = 24 * 60 * 60 * 1000; // the least that a scale of days has room for
const short = new Intl.NumberFormat("en", { notation: "compact" });

function readTable(figure) {
  const heads = [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const rows = [...figure.querySelectorAll("tbody tr")];
  return {
    heads,
    names: rows.map((row) => row.cells[0].textContent),
    columns: heads.slice(1).map((_, i) => rows.map((row) => Number(row.cells[i + 1].dataset.value))),
    isRest: rows.map((row) => "rest" in row.dataset),
    links: rows.map((row) => row.cells[0].querySelector("a")),
  };
}

function shortened(name) {
  return name.length > 18 ? `${name.slice(0, 17)}…` : name;
}

function barsOf(table) {
  return {
    type: "bar",
    data: {
      labels: table.names,
      datasets: [{
        data: table.columns[0],
        backgroundColor: table.isRest.map((isRest) => colour(isRest ? "--muted" : "--chart-1")),
        borderRadius: 4,
        maxBarThickness: 22,
      }],
    },
    options: {
      indexAxis: "y",
      onClick: (_, [bar]) => bar && table.links[bar.index]?.click(),
      scales: {
        x: { beginAtZero: true, grid: { color: colour("--line") }, ticks: { callback: (value) => short.format(value), maxTicksLimit: 5, precision: 0 } },
        y: { grid: { display: false }, ticks: { autoSkip: false, callback: (i) => shortened(table.names[i]) } },
      },
    },
  };
}

function growthOf(table) {
  const days = table.names.map((day) => Date.parse(day));
  const colours = [colour("--chart-1"), colour("--chart-2")];
  const datasets = table.columns.map((numbers, i) => ({
    label: table.heads[i + 1],
    data: numbers.map((number, j) => ({ x: days[j], y: number })),
    yAxisID: i ? "right" : "left",
    borderColor: colours[i],
    backgroundColor: colours[i],
    stepped: true,
    pointRadius: days.length > 1 ? 0 : 3,
    pointHitRadius: 8,
    borderWidth: 2,
  }));
  const axis = (position, i) => ({
    position,
    beginAtZero: true,
    title: { display: true, text: table.heads[i + 1], color: colours[i] },
    grid: i ? { display: false } : { color: colour("--line") },
    ticks: { callback: (value) => short.format(value), precision: 0, maxTicksLimit: 6 },
  });
  const day = (value) => new Date(value).toISOString().slice(0, 10);
  const scales = {
    x: { type: "linear", grid: { display: false }, min: Math.min(days[0], days.at(-1) - DAY), max: days.at(-1), ticks: { callback: day, stepSize: DAY, maxTicksLimit: 6, maxRotation: 0 } },
    left: axis("left", 0),
  };
  if (table.columns.length > 1) scales.right = axis("right", 1);
  return {
    type: "line",
    data: { datasets },
    options: { scales, interaction: { mode: "index", intersect: false }, plugins: { tooltip: { callbacks: { title: ([first]) => day(first.parsed.x) } } } },
  };
}

const kinds = { bars: barsOf, growth: growthOf };

function draw(figure) {
  const canvas = figure.querySelector("canvas");
  if (!canvas) return;
  Chart.getChart(canvas)?.destroy();
  const { type, data, options } = kinds[figure.dataset.chart](readTable(figure));
  const label = (item) => ` ${item.dataset.label ?? ""} ${figures.format(item.parsed[type === "bar" ? "x" : "y"])}`;
  options.animation = false;
  options.maintainAspectRatio = false;
  options.plugins = { ...options.plugins, legend: { display: false } };
  options.plugins.tooltip = { ...options.plugins.tooltip, callbacks: { label, ...options.plugins.tooltip?.callbacks } };
  new Chart(canvas, { type, data, options });
}

function drawAll() {
  Chart.defaults.color = colour("--muted");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  for (const figure of document.querySelectorAll("[data-chart]")) draw(figure);
}

drawAll();
document.addEventListener("dialbook:theme", drawAll);
document.addEventListener("htmx:afterSettle", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
