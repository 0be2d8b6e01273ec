// Interactive charts: the library is read when the first of them comes into sight.

const drawn = new Map();
let library = null;

/** The library as it was packed: base64 of what gzip made of it. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

function loadLibrary() {
  library ??= unpacked(document.getElementById("charts").textContent).then((text) => {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
    return window.vegaEmbed;
  });
  return library;
}

/** A colour of the page as it is now, light or dark. */
function colour(name) {
  const probe = document.body.appendChild(document.createElement("span"));
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Colours and type of the page, as a chart wants them. */
function theme() {
  const [ink, soft, rule] = ["--ink", "--soft", "--rule"].map(colour);
  const font = getComputedStyle(document.body).fontFamily;
  return {
    aria: false,
    background: "transparent",
    font,
    view: { stroke: null },
    axis: { labelColor: soft, titleColor: soft, gridColor: rule, domainColor: rule, tickColor: rule, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" },
    text: { color: ink },
    rule: { color: soft },
  };
}

/** Draw a chart of the page into an element; `make` gives its data by name, again when colours change. */
async function chart(host, name, make) {
  drawn.set(host, [name, make]);
  const embed = await loadLibrary();
  const specification = { ...structuredClone(DATA.specifications[name]), datasets: make() };
  host.result?.finalize();
  host.result = await embed(host, specification, { actions: false, renderer: "svg", config: theme(), tooltip: { theme: isDark() ? "dark" : "default" } });
}

function redrawCharts() {
  for (const [host, [name, make]] of drawn) if (host.isConnected) chart(host, name, make);
}

/** A hue as a chart draws it: lighter on dark paper. */
function lit(hue) {
  if (!isDark() || !hue.startsWith("#")) return hue;
  const parts = hue.slice(1).match(/../g).map((pair) => Math.round(0.6 * parseInt(pair, 16) + 0.4 * 255));
  return `rgb(${parts.join(", ")})`;
}

/** Do something once, when an element is about to come into sight. */
function whenSeen(host, act) {
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    act();
  }, { rootMargin: "300px" });
  watch.observe(host);
}

function place(words) {
  return el("div", { class: "chart", role: "img", "aria-label": words });
}

// --- Curves ---------------------------------------------------------------------------------------

const picked = { e: "", names: [] };

function curveRows(own) {
  const wanted = [...picked.names, ...(own.reference && !picked.names.includes(own.reference) ? [own.reference] : [])];
  return wanted.filter((label) => own.curves.lines[label]).flatMap((label) => {
    const row = own.rows.find((each) => each.t === label);
    const hue = picked.names.includes(label) ? lit(hexOf(row.c, picked.names.indexOf(label))) : colour("--soft");
    const [s, lo, hi] = own.curves.lines[label];
    return own.curves.time.map((time, i) => ({ name: row.t, hue, time, s: s[i] / 10, lo: lo[i] / 10, hi: hi[i] / 10, band: `${Math.round(lo[i] / 10)}–${Math.round(hi[i] / 10)}`, beyond: time > 2 * own.curves.last[label] }));
  });
}

/** The colour of a class; a second treatment of one class has the next colour. */
function hexOf(kind, number) {
  const all = Object.values(DATA.hues);
  const others = picked.names.slice(0, number).map((label) => endpoint(picked.e).rows.find((row) => row.t === label)?.c);
  return others.includes(kind) || !DATA.hues[kind] ? all[(all.indexOf(DATA.hues[kind]) + number + 1) % all.length] : DATA.hues[kind];
}

function pointRows(own) {
  return own.curves.points.filter((one) => picked.names.includes(one.t)).map((one) => {
    const row = own.rows.find((each) => each.t === one.t);
    const [time, x1, x2] = one.at;
    const [s, y1, y2] = one.s;
    const per = (value) => (value === null ? null : 100 * value);
    const median = s === 0.5 && (y1 === null || x1 !== null);
    const cohort = DATA.cohorts.find((each) => each.s === one.study && each.t === one.t && each.used?.[picked.e]);
    return { hue: lit(hexOf(row.c, picked.names.indexOf(one.t))), time, x1: x1 ?? time, x2: x2 ?? (x1 === null ? time : 36), s: per(s), y1: per(y1 ?? s), y2: per(y2 ?? s), kind: median ? "median" : "landmark", study: cohort?.name ?? "", n: one.n ?? "–", figure: cohort?.rep[picked.e] ?? "" };
  });
}

/** Curves of patients whom reports list one by one. */
function listedRows(own) {
  return own.curves.listed.filter((one) => picked.names.includes(one.t)).flatMap((one) => {
    const row = own.rows.find((each) => each.t === one.t);
    const hue = lit(hexOf(row.c, picked.names.indexOf(one.t)));
    return one.at.map((time, i) => ({ who: one.who, hue, time, s: 100 * one.s[i] }));
  });
}

function drawCurves(host) {
  const own = endpoint(picked.e);
  const names = picked.names.join(" and ");
  host.setAttribute("aria-label", `${own.name}: pooled curves with 95 % bands of ${names}; reported medians as squares, reported survival as circles${own.curves.listed.length ? ", listed patients as steps" : ""}`);
  chart(host, "curves", () => ({ lines: curveRows(own), points: pointRows(own), listed: listedRows(own) }));
}

function startCurves() {
  const host = document.getElementById("curves");
  const ends = DATA.endpoints.filter((each) => each.curves);
  if (!host || !ends.length) return;
  const into = place("Curves");
  const legend = el("p", { class: "legend" });
  const bar = el("div", { class: "bar" });
  const show = () => {
    const own = endpoint(picked.e);
    const options = own.rows.filter((row) => own.curves.lines[row.t]).sort((a, b) => b.p - a.p).map((row) => [row.t, `${row.t}: ${row.size[0]}`]);
    const second = (label) => (picked.names = [picked.names[0], label].filter(Boolean));
    bar.replaceChildren(
      picker("Endpoint", ends.map((each) => [each.id, each.name]), picked.e, (id) => begin(id), { id: "curve-endpoint" }),
      picker("Treatment", options.map(([key, text]) => [key, text.replace(/ \(.*/, "")]), picked.names[0], (label) => { picked.names[0] = label; show(); }, { id: "curve-first" }),
      picker("beside", [["", "none"], ...options.map(([key, text]) => [key, text.replace(/ \(.*/, "")])], picked.names[1] ?? "", (label) => { second(label); show(); }, { id: "curve-second" }));
    legend.replaceChildren(...legendOf(own));
    drawCurves(into);
  };
  const begin = (id) => {
    const own = endpoint(id);
    const rows = own.rows.filter((row) => row.shown && row.t !== own.reference);
    const first = (key) => [...rows].sort((a, b) => key(b) - key(a))[0]?.t;
    const names = [first((row) => row.v.reference[1]), first((row) => row.n)];
    Object.assign(picked, { e: own.id, names: [...new Set(names.filter(Boolean))] });
    show();
  };
  host.append(bar, into, legend);
  whenSeen(host, () => begin(ends[0].id));
}

function legendOf(own) {
  const items = picked.names.map((label, number) => [label, hexOf(own.rows.find((row) => row.t === label).c, number)]);
  if (own.reference && !picked.names.includes(own.reference)) items.push([`${own.reference} (reference)`, colour("--soft")]);
  const keys = items.map(([name, hue]) => {
    const key = el("span", { class: "key" });
    key.style.background = hue;
    return el("span", {}, key, name);
  });
  return [...keys, el("span", { class: "quiet" }, "□ reported median, ○ reported survival; dashed beyond twice the last reported time; point at a mark to read it.")];
}

// --- Prior beside posterior -----------------------------------------------------------------------

function startDensities() {
  const host = document.getElementById("densities");
  if (!host || !DATA.densities.length) return;
  const several = new Set(DATA.densities.map((each) => each.endpoint)).size > 1;
  const titleOf = (each) => (several ? `${shortOf(each.endpoint)}: ${small(each.label)}` : each.label);
  const labels = [...new Set(DATA.densities.map(titleOf))];
  const hues = Object.values(DATA.hues);
  host.append(el("p", { class: "quiet" }, "Filled: posterior. Broken line: prior. Where the two lie on each other the data say nothing."));
  const box = el("div", { class: "charts" });
  host.append(box);
  labels.slice(0, 6).forEach((label, number) => {
    const rows = DATA.densities.filter((each) => titleOf(each) === label).flatMap((each) => each.x.map((x, i) => ({ x, d: each.d[i], which: each.which, label, hue: hues[number % hues.length] })));
    const into = place(`${label}: density of the ratio of medians before and after the data`);
    box.append(el("div", {}, el("h3", {}, label), into));
    whenSeen(into, () => chart(into, "densities", () => ({ densities: rows.map((each) => ({ ...each, hue: lit(each.hue) })) })));
  });
}

// --- Model check ----------------------------------------------------------------------------------

function startPredicted() {
  const host = document.getElementById("predicted");
  if (!host || !DATA.checks.length) return;
  const box = el("div", { class: "charts" });
  host.append(el("p", { class: "quiet" }, "Each line is what the model predicts of one reported figure (95 %), each dot the figure itself, a vermilion triangle where it lies outside. Point at a dot to read it."), box);
  const kinds = { median: "Medians, months", survival: "Survival, %", response: "Response, %" };
  const kindOf = (one) => (one.e === "response" ? "response" : one.figure.startsWith("survival") ? "survival" : one.figure === "median" ? "median" : "");
  for (const [kind, title] of Object.entries(kinds)) {
    const own = DATA.checks.filter((one) => kindOf(one) === kind).sort((a, b) => a.v[1] - b.v[1]);
    if (!own.length) continue;
    const per = kind === "median" ? 1 : 100;
    const short = (value) => Number((per * value).toPrecision(3));
    const rows = own.map((one, place) => {
      const [v, middle, lo, hi] = one.v.map((value) => (value === null ? null : short(value)));
      return { place, name: one.name, t: one.t, figure: `${shortOf(one.e)}, ${one.figure}`, reported: v, v, lo, hi: hi ?? 100, expected: `${middle} (${lo}–${hi ?? "…"})`, in: one.in };
    });
    const into = place(`${title}: ${own.filter((one) => one.in).length} of ${own.length} reported figures lie within the 95 % interval predicted of them`);
    box.append(el("div", {}, el("h3", {}, `${title} (${own.length})`), into));
    whenSeen(into, () => chart(into, per === 1 ? "predicted_months" : "predicted_percent", () => ({ checks: rows })));
  }
}
