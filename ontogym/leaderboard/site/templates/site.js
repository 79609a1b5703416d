// Sorting, filtering, colours and the growing networks. Every page can be read without it.
"use strict";

const root = document.documentElement;
const KEY = "ontogym-theme";

// A page opened from a file may have no storage: then the choice lasts as long as the page.
function stored() {
  try { return localStorage.getItem(KEY); } catch { return null; }
}
function store(theme) {
  try { localStorage.setItem(KEY, theme); } catch { /* see above */ }
}
function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
// Before the body is drawn, so that nothing flashes.
if (["light", "dark"].includes(stored())) root.dataset.theme = stored();

function wireTheme() {
  const button = document.getElementById("theme");
  const label = () => { button.textContent = isDark() ? "Light colours" : "Dark colours"; };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    store(root.dataset.theme);
    label();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
  button.hidden = false;
}

// Numbers by value, text as people sort it; cells without a value come last either way.
function sortKey(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.v !== undefined) return cell.dataset.v === "" ? null : Number(cell.dataset.v);
  return cell.textContent.trim();
}
function sortTable(table, column, direction) {
  const body = table.tBodies[0];
  const sign = direction === "ascending" ? 1 : -1;
  const byStatus = column === table.tHead.rows[0].cells.length - 1;
  const order = ["verified", "claimed", "refused"];
  const rows = [...body.rows].map((row) => ({
    row,
    refused: !byStatus && row.dataset.status === "refused",
    key: byStatus ? order.indexOf(row.dataset.status) : sortKey(row, column),
  }));
  rows.sort((a, b) => {
    if (a.refused !== b.refused) return a.refused ? 1 : -1;
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return sign * (typeof a.key === "number" ? a.key - b.key : a.key.localeCompare(b.key, "en", { numeric: true }));
  });
  body.append(...rows.map(({ row }) => row));
}
function wireSorting(table) {
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const head = button.closest("th");
    const before = head.getAttribute("aria-sort");
    const other = before === "ascending" ? "descending" : "ascending";
    const direction = before === "none" ? button.dataset.first : other;
    for (const th of table.tHead.rows[0].cells) th.setAttribute("aria-sort", th === head ? direction : "none");
    sortTable(table, Number(button.dataset.column), direction);
  });
}

function wireFilter() {
  const form = document.querySelector(".filter");
  if (!form) return;
  const input = document.getElementById("filter");
  const count = document.getElementById("count");
  const selects = [...form.querySelectorAll("select")];
  const tables = [...document.querySelectorAll("table.board, table.tasks")].map((table) => ({
    empty: table.parentElement.querySelector(".empty"),
    board: table.classList.contains("board"),
    rows: [...table.tBodies[0].rows].map((row) => ({ row, text: row.cells[0].textContent.toLowerCase() })),
  }));
  const sections = [...document.querySelectorAll("section[data-suite]")];
  // What a row does not say (a suite's row has no task) keeps it nowhere and hides it nowhere.
  const chosen = (element) => selects.every(({ name, value }) =>
    value === "" || element.dataset[name] === undefined || element.dataset[name].split(" ").includes(value));
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const statuses = new Set([...form.querySelectorAll("[name=status]:checked")].map((box) => box.value));
    let shown = 0, total = 0;
    for (const section of sections) section.hidden = !chosen(section);
    for (const { empty, board, rows } of tables) {
      let here = 0;
      for (const { row, text } of rows) {
        const named = !board || (statuses.has(row.dataset.status) && words.every((word) => text.includes(word)));
        const keep = named && chosen(row);
        if (row.hidden === keep) row.hidden = !keep;
        here += keep;
      }
      if (!board) continue;
      empty.hidden = here > 0;
      shown += here;
      total += rows.length;
    }
    count.textContent = shown === total ? `${total} rows` : `${shown} of ${total} rows`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("change", apply);
  // A browser that goes back fills the form in again after the page has loaded.
  addEventListener("pageshow", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
}

function levelClass(level) {
  return level > 0 ? `p${level}` : `n${-level}`;
}
class Player {
  constructor(figure) {
    this.frames = JSON.parse(document.getElementById(figure.dataset.film).textContent);
    this.edges = [...figure.querySelectorAll(".edges path")];
    this.nodes = [...figure.querySelectorAll(".nodes circle")];
    this.kinds = this.nodes.map((node) => node.classList[0]);
    this.slider = figure.querySelector("input");
    this.button = figure.querySelector(".play");
    this.output = figure.querySelector("output");
    this.at = this.frames.length - 1; // what the page shows without this program
    this.timer = null;
    this.touched = false;
    this.levels = new Array(this.edges.length).fill(0);
    for (const frame of this.frames) for (const [edge, level] of frame.changes) this.levels[edge] = level;
    this.slider.addEventListener("input", () => { this.touched = true; this.pause(); this.show(Number(this.slider.value)); });
    this.button.addEventListener("click", () => {
      this.touched = true;
      if (this.timer === null) this.play();
      else this.pause();
    });
    figure.querySelector(".player").hidden = false;
    this.say();
  }
  show(at) {
    // Forward frame by frame; backward from the beginning, where no edge is.
    const levels = at < this.at ? new Array(this.edges.length).fill(0) : [...this.levels];
    for (let k = at < this.at ? 0 : this.at + 1; k <= at; k++) {
      for (const [edge, level] of this.frames[k].changes) levels[edge] = level;
    }
    levels.forEach((level, edge) => {
      if (level === this.levels[edge]) return;
      if (level) this.edges[edge].setAttribute("class", levelClass(level));
      else this.edges[edge].removeAttribute("class");
    });
    const activity = this.frames[at].activity;
    this.nodes.forEach((node, k) => node.setAttribute("class", `${this.kinds[k]} a${activity[k]}`));
    this.levels = levels;
    this.at = at;
    this.slider.value = at;
    this.say();
  }
  say() {
    const { caption, wires, edges } = this.frames[this.at];
    const text = `${caption}: ${wires} wires of ${edges} edges`;
    this.output.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }
  play() {
    if (this.at === this.frames.length - 1) this.show(0);
    this.button.textContent = "Pause";
    this.timer = setInterval(() => {
      if (this.at < this.frames.length - 1) this.show(this.at + 1);
      if (this.at === this.frames.length - 1) this.pause();
    }, 120);
  }
  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.textContent = "Play";
  }
}
function wireNetworks() {
  const players = new Map([...document.querySelectorAll(".network")].map((figure) => [figure, new Player(figure)]));
  // Each plays once when it comes into view, unless the reader asked for stillness.
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const watcher = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      const player = players.get(target);
      if (!player.touched) player.play();
    }
  }, { threshold: 0.1 });
  for (const figure of players.keys()) watcher.observe(figure);
}

// A link to what is folded away opens it.
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) {
    for (let element = target; element; element = element.parentElement) {
      if (element.tagName === "DETAILS") element.open = true;
    }
    target.scrollIntoView();
  }
}

document.addEventListener("DOMContentLoaded", () => {
  wireTheme();
  document.querySelectorAll("table.board").forEach(wireSorting);
  wireFilter();
  wireNetworks();
  openTarget();
  addEventListener("hashchange", openTarget);
});
