// The first table: every treatment with its interval, what it gains, and what carries the comparison.

const EVIDENCE = {
  randomised: ["●", "randomised"],
  "within one study": ["◐", "one report"],
  "across studies": ["○", "across studies"],
  reference: ["", "reference"],
};
const ORDER = Object.keys(EVIDENCE);
const HISTOLOGY = { reference: "All", pure: "Pure", mixed: "Mixed" };

function hueOf(kind) {
  return DATA.hues[kind] ?? "var(--soft)";
}

/** What the table shows of a treatment under the present choices. */
function facts(own, row) {
  const over = reference(own);
  const gain = own.gains[state.h]?.[over]?.[row.t];
  const step = DATA.months.indexOf(Number(state.x));
  const kind = row.t === over ? "reference" : own.evidence[over]?.[row.t]?.[0];
  const value = row.v[state.h] ?? row.v.reference;
  return {
    row,
    value,
    gain,
    chances: own.log && gain && step >= 0 ? [gain[4], gain[6]].filter(Boolean).map((each) => each[step] / 1000) : [],
    kind: kind ?? "",
    why: own.evidence[over]?.[row.t] ? (own.evidence[over][row.t][1] ?? DATA.across) : "",
    open: Boolean(row.x[state.h]),
    sure: !state.r ? own.certainty[row.t] : undefined,
  };
}

const KEYS = {
  name: (own) => own.row.t.toLowerCase(),
  size: (own) => own.row.p,
  median: (own) => own.value[0],
  gain: (own) => own.gain?.[0] ?? 0,
  chance: (own) => own.chances[0] ?? -1,
  evidence: (own) => -ORDER.indexOf(own.kind),
};

/** Treatments that the choices leave, in the order that was asked for. */
function chosenRows(own) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const key = state.sort.replace("-", "");
  const sign = state.sort.startsWith("-") ? -1 : 1;
  const of = KEYS[key] ?? KEYS.median;
  return own.rows
    .filter((row) => row.shown || state.all || words.length)
    .filter((row) => words.every((word) => `${row.t} ${row.c}`.toLowerCase().includes(word)))
    .map((row) => facts(own, row))
    .sort((a, b) => (of(a) < of(b) ? -sign : of(a) > of(b) ? sign : 0));
}

// --- Choices --------------------------------------------------------------------------------------

function radios(legend, name, options, value) {
  const set = el("fieldset", { id: `choose-${name}` }, el("legend", {}, legend));
  for (const [key, text, title] of options) {
    const input = el("input", { type: "radio", name, value: key, checked: key === value, onchange: () => choose({ [name]: key }) });
    set.append(el("label", { title }, input, el("span", {}, text)));
  }
  return set;
}

function shareWords() {
  return `${Math.round(100 * DATA.mix)} % mixed`;
}

function controls() {
  const bar = el("div", { class: "bar", role: "group", "aria-label": "What the table shows" });
  const search = el("input", { type: "search", id: "search", placeholder: "Search treatments", "aria-label": "Search treatments", value: state.q, oninput: (event) => choose({ q: event.target.value }) });
  const all = el("input", { type: "checkbox", id: "all", checked: Boolean(state.all), onchange: (event) => choose({ all: event.target.checked ? "1" : "" }) });
  const slider = el("input", { type: "range", id: "gain", min: 0, max: DATA.months.at(-1), step: 0.5, value: state.x, oninput: (event) => choose({ x: String(Number(event.target.value)) }) });
  bar.append(
    el("span", { id: "endpoints" }),
    el("span", { id: "tumours" }),
    el("span", { id: "over" }),
    search,
    el("label", { class: "check" }, all, el("span", {}, "Small cohorts too")),
    el("label", { class: "slide" }, el("span", { id: "gain-words" }), slider),
  );
  return bar;
}

/** Choices that depend on the endpoint are made anew; what has the focus keeps it. */
function refreshControls(own) {
  const focus = document.activeElement;
  const [name, value] = [focus?.name, focus?.value];
  const short = { os: "Overall survival", pfs: "Progression-free", response: "Response" };
  const ends = DATA.endpoints.map((each) => [each.id, short[each.id] ?? each.name, each.name]);
  document.getElementById("endpoints").replaceChildren(radios("Endpoint", "e", ends, own.id));
  const kinds = own.histologies.map((each) => [each, each === "reference" ? `All (${shareWords()})` : HISTOLOGY[each]]);
  document.getElementById("tumours").replaceChildren(...(kinds.length > 1 ? [radios("Tumours", "h", kinds, state.h)] : []));
  const labels = own.references.map((each) => [each, each]);
  const pick = picker("Gain over", labels, reference(own), (each) => choose({ r: each === own.reference ? "" : each }), { id: "reference" });
  document.getElementById("over").replaceChildren(...(labels.length > 1 ? [pick] : []));
  document.getElementById("gain-words").textContent = `Gain of more than ${Number(state.x)} mo`;
  document.getElementById("gain").closest("label").hidden = !own.log;
  for (const [id, kept] of [["search", state.q], ["gain", state.x]]) {
    const input = document.getElementById(id);
    if (input.value !== kept) input.value = kept;
  }
  document.getElementById("all").checked = Boolean(state.all);
  if (name && !focus.isConnected) document.querySelector(`input[name="${name}"][value="${CSS.escape(value)}"]`)?.focus();
  else if (focus?.id === "reference") document.getElementById("reference")?.focus();
}

// --- The table ------------------------------------------------------------------------------------

function heading(key, words, kind, more) {
  const now = state.sort.replace("-", "") === key;
  const down = state.sort.startsWith("-");
  const turn = () => choose({ sort: now ? (down ? key : `-${key}`) : key === "name" ? key : `-${key}` });
  const button = el("button", { type: "button", "data-sort": key, onclick: turn }, words, el("span", { "aria-hidden": "true" }, now ? (down ? "\u00a0▾" : "\u00a0▴") : ""));
  return el("th", { scope: "col", class: kind, "aria-sort": now ? (down ? "descending" : "ascending") : null }, button, more);
}

function headings(own, scale, rows) {
  const over = small(reference(own) ?? "");
  const plot = el("th", { scope: "col", class: "plot" }, el("span", { class: "unseen" }, `${own.quantity} with 95 % interval`), tickLabels(scale));
  const columns = [
    heading("name", "Treatment", "name"),
    heading("size", "Cohorts (patients)", "num size"),
    plot,
    heading("median", own.quantity, "num main"),
    own.reference ? heading("gain", `Gain over ${over}${own.log ? "" : ", points"}`, "num gain", rows.some((each) => each.gain?.[5]) ? el("span", { class: "second" }, " allowing for confounding") : null) : null,
    own.log && own.reference ? heading("chance", `P(gain >\u00a0${Number(state.x)}\u00a0mo)`, "num chance") : null,
    own.reference ? heading("evidence", "Evidence", "evidence") : null,
  ];
  return el("tr", {}, ...columns.filter(Boolean));
}

function evidenceCell(each) {
  const [mark, words] = EVIDENCE[each.kind] ?? ["", each.kind];
  const cell = el("td", { class: "evidence", title: each.why || null });
  cell.append(el("span", { class: "mark", "aria-hidden": "true" }, mark), ` ${words}`);
  if (each.sure?.certainty) cell.append(el("span", { class: "quiet" }, ` · ${each.sure.certainty}`));
  return cell;
}

/** The gain that allows for confounding, where it must. */
function allowing(kind, gain) {
  const words = kind === "under" ? "allowing for confounding " : " ";
  return gain[5] ? el("span", { class: kind }, words, el("span", { class: "whole" }, gain[5])) : "";
}

function tableRow(own, scale, each, note) {
  const { row, value, gain } = each;
  const open = state.open === row.t;
  const toggle = () => choose({ open: open ? "" : row.t });
  const button = el("button", { type: "button", class: "open", "aria-expanded": String(open), "data-treatment": row.t, onclick: toggle }, row.t);
  const name = el("th", { scope: "row", class: "name" }, button);
  name.style.setProperty("--hue", hueOf(row.c));
  if (each.open) name.append(" ", el("span", { class: "tag" }, "extrapolated"));
  if (row.shrunk) name.append(" ", el("span", { class: "tag" }, row.shrunk));
  name.append(el("span", { class: "under" }, row.size[1]));
  const words = `${row.t}: ${value[5]}; in a new study ${value[6]}${[each.open && "extrapolated", row.shrunk].filter(Boolean).map((each) => `; ${each}`).join("")}`;
  const marks = interval(scale, value, { hue: hueOf(row.c), words, open: each.open, note });
  const cells = [
    name,
    el("td", { class: "num size" }, row.size[0]),
    el("td", { class: "plot" }, marks),
    el("td", { class: "num main", title: `In a new study ${value[6]}` }, value[5], ...(gain ? [el("span", { class: "under" }, `gain ${gain[3]}`), allowing("under", gain)] : [])),
  ];
  if (own.reference) {
    cells.push(el("td", { class: "num gain" }, ...(gain ? [gain[3], allowing("second", gain)] : [each.kind === "reference" ? "–" : ""])));
    if (own.log) cells.push(el("td", { class: "num chance" }, each.chances.map(chance).join(" / ") || "–"));
    cells.push(evidenceCell(each));
  }
  return el("tr", { class: each.open ? "row extrapolated" : "row", "data-row": row.t }, ...cells);
}

function note(own, rows) {
  const words = [
    "Dot and line: average study with 95 % interval. Pale bar: where a new study is expected. Dotted line: the reference.",
    "● randomised, ◐ both treatments in one report, ○ compared across studies.",
  ];
  if (rows.some((each) => each.open)) words.push("Grey and dashed, extrapolated: no report tells pure from mixed tumours under that treatment.");
  if (rows.some((each) => each.gain?.[5])) words.push(`Second line of a gain, and second probability: ${DATA.confounding}`);
  words.push("Open a treatment to see its cohorts.");
  return words.join(" ");
}

function drawTable() {
  const own = endpoint();
  refreshControls(own);
  const rows = chosenRows(own);
  const scale = axis(own, rows.flatMap((each) => each.value.slice(0, 5)));
  const base = own.rows.find((row) => row.t === reference(own));
  const body = el("tbody");
  for (const each of rows) {
    body.append(tableRow(own, scale, each, (base?.v[state.h] ?? base?.v.reference)?.[0]));
    if (state.open === each.row.t) body.append(drawer(own, scale, each));
  }
  const focus = document.activeElement?.dataset ?? {};
  const table = el("table", { id: "treatments-table" }, el("caption", { class: "unseen" }, `${own.name} by treatment`), el("thead", {}, headings(own, scale, rows)), body);
  document.getElementById("rows").replaceChildren(table);
  document.getElementById("count").textContent = `${rows.length} of ${own.rows.length} treatments`;
  document.getElementById("note").textContent = note(own, rows);
  document.getElementById("whom").replaceChildren(...(DATA.notes[own.id] ?? []).map((text) => el("p", {}, text)));
  restoreFocus(table, focus);
}

function restoreFocus(table, { sort, treatment }) {
  const wanted = sort ? `[data-sort="${sort}"]` : treatment ? `[data-treatment="${CSS.escape(treatment)}"]` : null;
  if (wanted) table.querySelector(wanted)?.focus({ preventScroll: true });
}

// --- A treatment's cohorts ------------------------------------------------------------------------

function drawer(own, scale, each) {
  const { row } = each;
  const cohorts = DATA.cohorts.filter((one) => one.t === row.t && one.used?.[own.id]);
  const extra = (row.more[state.h] ?? []).map(small).join("; ");
  const inside = el("div", { class: "drawer" }, el("p", {}, `${row.c}. In a new study: ${each.value[6]}${extra ? `; ${extra}` : ""}.`));
  if (each.why) inside.append(el("p", {}, each.why));
  const against = own.contrasts[row.t];
  if (against && !state.r && state.h === "reference") inside.append(el("p", {}, `Against ${small(own.reference)}: ${against}.`));
  if (each.sure) inside.append(el("p", {}, sureWords(each.sure)));
  const list = el("ul", { class: "cohorts", "aria-label": `Cohorts of ${small(row.t)}` });
  list.append(el("li", { class: "head", "aria-hidden": "true" }, el("span", {}, "Report"), el("span", { class: "num" }, "n"), tickLabels(scale), el("span", {}, "As reported"), el("span", {}, `As modelled (${own.log ? "months" : "%"})`)));
  for (const one of cohorts) list.append(cohortItem(own, scale, row, one));
  inside.append(list);
  return el("tr", { class: "opened" }, el("td", { colspan: own.reference ? (own.log ? 7 : 6) : 4 }, inside));
}

/** How certain a comparison is, and what would undo it. */
function sureWords(sure) {
  const times = (value) => value.toFixed(2);
  const parts = [];
  if (sure.certainty) parts.push(`Certainty: ${sure.certainty}${sure.certainty_reasons ? ` (${sure.certainty_reasons})` : ""}.`);
  if (sure.tipping_limit > 1) parts.push(`The gain would no longer be sure if these patients would have lived ${times(sure.tipping_limit)} times as long anyway.`);
  if (sure.tipping_estimate > 1) parts.push(`At ${times(sure.tipping_estimate)} times there would be none.`);
  return parts.join(" ");
}

function reportLink(one) {
  return one.doi ? el("a", { href: `https://doi.org/${encodeURI(one.doi).replace(/[?#]/g, encodeURIComponent)}` }, one.name) : el("span", {}, one.name);
}

function cohortItem(own, scale, row, one) {
  const used = one.used[own.id];
  const said = one.rep[own.id] ?? "–";
  const words = `${one.name}: reported ${said}; modelled ${used.est}`;
  const more = [used.hist, one.line, one.design, used.src === "verified" ? "" : "figure from a secondary source"].filter(Boolean).join(", ");
  const about = el("span", { class: "entered" }, el("b", {}, "Entered: "), used.in, more ? ` (${more})` : "");
  if (one.caution) about.append(" ", el("b", {}, "Caution: "), one.caution, ".");
  const name = el("span", { class: "report" }, reportLink(one));
  return el("li", {}, name, el("span", { class: "num" }, String(one.n ?? "–")), cohortMarks(scale, used.m, hueOf(row.c), one.n, words), el("span", {}, said), el("span", { class: "modelled" }, used.est), about);
}

function startTable() {
  const host = document.getElementById("table");
  if (!DATA.endpoints.length) return;
  const copy = el("button", { type: "button", class: "copy", "data-copy": "numbers" }, "Copy numbers");
  host.append(controls(), el("div", { id: "rows" }), el("p", { class: "quiet foot" }, el("span", { id: "count" }), " · ", el("span", { id: "note" }), " ", copy), el("details", {}, el("summary", {}, "What is estimated, and in whom"), el("div", { id: "whom" })));
  watching.push(drawTable);
  drawTable();
}

/** The table as it stands, as text with tabs. */
function numbersText() {
  const lines = [...document.querySelectorAll("#treatments-table tr.row, #treatments-table thead tr")].map((row) =>
    [...row.children].filter((cell) => !cell.matches(".plot")).map(cellText).join("\t"));
  return lines.join("\n");
}

function cellText(cell) {
  const copy = cell.cloneNode(true);
  copy.querySelectorAll(".under, [aria-hidden=true]").forEach((part) => part.remove());
  return copy.textContent.trim().replace(/\s+/g, " ");
}
