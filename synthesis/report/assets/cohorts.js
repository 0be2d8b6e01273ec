// Every cohort of the registry in one list: counted, gave way, or left out, and why.

const FATES = { counted: "Counted", gave: "Gave way", left: "Left out", screened: "Left out at screening" };
const PAGE = 25;
const list = { q: "", fate: "", e: "", c: "", sort: "fate", down: false, all: false };

function fateOf(one) {
  if (one.screened) return "screened";
  const ends = list.e ? [list.e] : DATA.endpoints.map((each) => each.id);
  if (ends.some((end) => one.used[end])) return "counted";
  return one.why.some(([kind, , , about]) => kind === "overlap" && about.some((end) => ends.includes(end))) ? "gave" : "left";
}

function shortOf(end) {
  return DATA.endpoints.find((each) => each.id === end)?.short ?? end;
}

/** Why a cohort does not count, by endpoint; one sentence where it is the same for all. */
function whyWords(one) {
  if (one.screened) return one.screened;
  const shown = one.why.filter(([, , , ends]) => !list.e || ends.includes(list.e));
  return shown
    .map(([, gave, reason, ends]) => {
      const about = ends.length === DATA.endpoints.length || list.e ? "" : `${ends.map(shortOf).join(", ")}: `;
      return `${about}${reason}${gave ? ` Counted instead: ${gave}.` : ""}`;
    })
    .join(" ");
}

function saidWords(one) {
  const ends = Object.entries(one.rep ?? {}).filter(([end]) => !list.e || end === list.e);
  return ends.map(([end, words]) => (end === "response" || ends.length === 1 ? words : `${shortOf(end)} ${words}`)).join("; ");
}

/** What a report says of groups, on request: it stands with its first cohort. */
function comparedWords(one) {
  if (!one.cmp?.length) return "";
  const items = one.cmp.map((words) => el("li", {}, words));
  return el("details", {}, el("summary", {}, `${one.cmp.length} compared`), el("ul", {}, ...items));
}

const COLUMNS = {
  name: ["Report and cohort", (one) => one.name.toLowerCase()],
  year: ["Year", (one) => one.year ?? 0],
  n: ["Patients", (one) => one.n ?? 0],
  t: ["Treatment", (one) => (one.t ?? "~").toLowerCase()],
  fate: ["Fate", (one) => Object.keys(FATES).indexOf(fateOf(one))],
  rep: ["Figures as reported", (one) => (saidWords(one) ? 0 : 1)],
  why: ["What entered, or why not", (one) => whyWords(one).toLowerCase()],
};

function listed() {
  const words = list.q.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (one) => `${one.name} ${one.t ?? ""} ${one.c ?? ""} ${one.year ?? ""} ${saidWords(one)} ${whyWords(one)} ${(one.cmp ?? []).join(" ")}`.toLowerCase();
  const [, key] = COLUMNS[list.sort];
  const sign = list.down ? -1 : 1;
  return DATA.cohorts
    .filter((one) => !list.fate || fateOf(one) === list.fate)
    .filter((one) => !list.c || one.c === list.c)
    .filter((one) => words.every((word) => text(one).includes(word)))
    .sort((a, b) => (key(a) < key(b) ? -sign : key(a) > key(b) ? sign : a.name.localeCompare(b.name)));
}

function enteredWords(one) {
  const ends = Object.entries(one.used ?? {}).filter(([end]) => !list.e || end === list.e);
  const parts = ends.map(([end, used]) => `${ends.length > 1 ? `${shortOf(end)}: ` : ""}${used.in}`);
  return [...new Set(parts)].join("; ");
}

function listRow(one) {
  const fate = fateOf(one);
  const why = el("td", { class: "why" });
  const entered = enteredWords(one);
  if (entered) why.append(el("b", {}, "Entered: "), `${entered}. `);
  why.append(whyWords(one));
  if (one.caution) why.append(" ", el("b", {}, "Caution: "), `${one.caution}.`);
  return el("tr", { "data-fate": fate },
    el("th", { scope: "row" }, reportLink(one)),
    el("td", { class: "num year" }, String(one.year ?? "")),
    el("td", { class: "num" }, String(one.n ?? "")),
    el("td", { class: "treatment" }, one.t ?? ""),
    el("td", {}, el("span", { class: `fate ${fate}` }, FATES[fate])),
    el("td", { class: "reported" }, saidWords(one), comparedWords(one)),
    why);
}

function listHead() {
  const heads = Object.entries(COLUMNS).map(([name, [words]]) => {
    const now = list.sort === name;
    const turn = () => {
      Object.assign(list, { sort: name, down: now && !list.down });
      drawList();
      document.querySelector(`#list [data-column="${name}"]`).focus({ preventScroll: true });
    };
    const mark = el("span", { "aria-hidden": "true" }, now ? (list.down ? " ▾" : " ▴") : "");
    const kind = { n: "num", year: "num year", t: "treatment", rep: "reported", why: "why" }[name];
    return el("th", { scope: "col", class: kind, "aria-sort": now ? (list.down ? "descending" : "ascending") : null }, el("button", { type: "button", "data-column": name, onclick: turn }, words, mark));
  });
  return el("thead", {}, el("tr", {}, ...heads));
}

function drawList() {
  const found = listed();
  const shown = list.all ? found : found.slice(0, PAGE);
  const table = el("table", { id: "cohorts-table" }, el("caption", { class: "unseen" }, "All cohorts"), listHead(), el("tbody", {}, ...shown.map(listRow)));
  document.getElementById("list-rows").replaceChildren(table);
  document.getElementById("list-count").textContent = `${found.length.toLocaleString("en-GB")} of ${DATA.cohorts.length.toLocaleString("en-GB")}`;
  const more = document.getElementById("list-more");
  more.hidden = found.length <= PAGE;
  reachable();
  more.textContent = list.all ? "Show fewer" : `Show all ${found.length.toLocaleString("en-GB")}`;
}

function startList() {
  const host = document.getElementById("list");
  if (!host) return;
  const set = (name) => (value) => {
    list[name] = value;
    drawList();
  };
  const classes = [...new Set(DATA.cohorts.map((one) => one.c).filter(Boolean))].sort();
  const search = el("input", { type: "search", id: "list-search", placeholder: "Search cohorts", "aria-label": "Search cohorts", oninput: (event) => set("q")(event.target.value) });
  host.append(
    el("div", { class: "bar", role: "group", "aria-label": "Which cohorts are listed" }, search,
      picker("Fate", [["", "all"], ...Object.entries(FATES)], "", set("fate"), { id: "list-fate" }),
      picker("Endpoint", [["", "all"], ...DATA.endpoints.map((each) => [each.id, each.name])], "", set("e"), { id: "list-endpoint" }),
      picker("Class", [["", "all"], ...classes.map((each) => [each, each])], "", set("c"), { id: "list-class" }),
      el("span", { id: "list-count", class: "quiet" })),
    el("div", { id: "list-rows", class: "wide", "data-label": "All cohorts" }),
    el("p", {}, el("button", { type: "button", id: "list-more", onclick: () => set("all")(!list.all) })));
  drawList();
}
