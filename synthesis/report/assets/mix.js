// Survival of patients that a reader states, from thinned draws: a mixture of pure and mixed tumours.

const LN2 = Math.log(2);
const stated = { e: "", t: "", mixed: Math.round(100 * DATA.mix), mutated: null, line: "" };

/** Normal distribution function (Abramowitz & Stegun 7.1.26, error below 2e-7). */
function normal(z) {
  const t = 1 / (1 + 0.3275911 * (Math.abs(z) / Math.SQRT2));
  const tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * Math.exp((-z * z) / 2);
  return z > 0 ? 1 - tail / 2 : tail / 2;
}

function bent(z, tail) {
  const soft = 2 * z > 700 ? 2 * z : Math.log1p(Math.exp(2 * z));
  return z + Math.expm1(tail) * 0.5 * (soft - LN2);
}

const SURVIVAL = {
  weibull: (z) => Math.exp(-LN2 * Math.exp(Math.min(z, 30))),
  exponential: (z) => Math.exp(-LN2 * Math.exp(Math.min(z, 30))),
  "log-logistic": (z) => 1 / (1 + Math.exp(Math.min(z, 700))),
  "log-normal": (z) => normal(-z),
  "long-tail": (z, tail) => Math.exp(-LN2 * Math.exp(Math.min(bent(z, tail), 30))),
};

/** Kinds of patients with their weights and what each adds to the log median of a draw. */
function kinds(draws, row, i) {
  const moved = draws.effects;
  const shift = moved ? (moved.pretreated[i] / 1000) * draws.lines[stated.line] : 0;
  const share = stated.mixed / 100;
  const mutated = moved?.mutated && stated.mutated !== null && !row.selected ? stated.mutated / 100 : null;
  const own = mutated === null ? 0 : moved.mutated[i] / 1000;
  const sides = mutated === null ? [[1, shift]] : [[1 - mutated, shift - draws.mutation.usual * own], [mutated, shift + (1 - draws.mutation.usual) * own]];
  return [[1 - share, 0], [share, 1]].flatMap(([weight, side]) => sides.map(([part, more]) => [weight * part, side, more])).filter(([weight]) => weight > 0);
}

/** The curve of one draw as a function of log months, and its median by halving. */
function drawnCurve(draws, row, i) {
  const [pure, mixed, shapes, tails] = draws.treatments[row.t];
  const survival = SURVIVAL[draws.families[draws.family[i]]];
  const shape = Math.exp(shapes[i] / 1000);
  const tail = tails[i] / 1000;
  const parts = kinds(draws, row, i).map(([weight, side, more]) => [weight, (side ? mixed : pure)[i] / 1000 + more]);
  const at = (log) => parts.reduce((sum, [weight, median]) => sum + weight * survival(shape * (log - median), tail), 0);
  let low = Math.min(...parts.map(([, median]) => median)) - 1e-9;
  let high = Math.max(...parts.map(([, median]) => median)) + 1e-9;
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2;
    if (at(middle) > 0.5) low = middle;
    else high = middle;
  }
  return { at, median: Math.exp((low + high) / 2) };
}

function population(own, row) {
  return own.draws.family.map((_, i) => drawnCurve(own.draws, row, i));
}

/** Median and ends of the 95 % interval of draws. */
function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return [0.5, 0.025, 0.975].map((p) => {
    const place = p * (sorted.length - 1);
    const low = Math.floor(place);
    return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
  });
}

function written([middle, lower, upper]) {
  const ends = [months(lower), months(upper)];
  return `${months(middle)} (${ends.join(ends.some((end) => end.startsWith("−")) ? " to " : "–")})`;
}

function populationLines(curves, name, hue) {
  return Array.from({ length: 37 }, (_, time) => {
    const values = curves.map((each) => each.at(Math.log(Math.max(time, 1e-6))));
    const [s, lo, hi] = summary(values).map((value) => Math.round(1000 * value) / 10);
    return { name, hue, time, s, lo, hi };
  });
}

function drawPopulation(said, into) {
  const own = endpoint(stated.e);
  const row = own.rows.find((each) => each.t === stated.t);
  const over = own.rows.find((each) => each.t === reference(own) && each.t !== row.t);
  const curves = population(own, row);
  const against = over ? population(own, over) : null;
  const more = against?.map((each, i) => curves[i].median - each.median);
  const tag = row.x.pure ? el("span", { class: "tag" }, "extrapolated") : "";
  const parts = [el("b", { id: "mix-median" }, `${written(summary(curves.map((each) => each.median)))} months`), ` median with ${small(row.t)}`, tag ? " " : "", tag];
  if (more) {
    const likely = more.filter((value) => value > Number(state.x)).length / more.length;
    parts.push("; ", el("b", { id: "mix-gain" }, written(summary(more))), ` more than with ${small(over.t)}; P(gain > ${Number(state.x)} mo) ${chance(likely)}.`);
  }
  said.replaceChildren(...parts.filter(Boolean));
  const lines = populationLines(curves, row.t, DATA.hues[row.c] ?? Object.values(DATA.hues)[0]);
  const beside = against ? populationLines(against, over.t, "") : [];
  into.setAttribute("aria-label", said.textContent);
  chart(into, "population", () => ({
    lines: [...beside.map((each) => ({ ...each, hue: colour("--soft") })), ...lines.map((each) => ({ ...each, hue: lit(each.hue) }))],
    half: [{ s: 50 }],
  }));
}

function slider(id, label, value, change) {
  const words = el("output", { for: id }, `${value} %`);
  const input = el("input", { type: "range", id, min: 0, max: 100, step: 5, value, oninput: (event) => {
    words.textContent = `${event.target.value} %`;
    change(Number(event.target.value));
  } });
  return el("label", { class: "slide" }, el("span", {}, label, " ", words), input);
}

function startPopulation() {
  const host = document.getElementById("population");
  const ends = DATA.endpoints.filter((each) => each.draws?.histology);
  if (!host || !ends.length) return;
  const said = el("p", { class: "answer", "aria-live": "polite" });
  const into = place("Curve of the stated patients");
  const bar = el("div", { class: "bar" });
  const show = () => drawPopulation(said, into);
  const set = (name) => (value) => {
    stated[name] = value;
    show();
  };
  const begin = (id) => {
    const own = endpoint(id);
    const rows = [...own.rows].filter((row) => row.shown).sort((a, b) => b.p - a.p);
    const told = rows.find((row) => row.t !== own.reference && row.x.pure === false) ?? rows[0];
    Object.assign(stated, { e: own.id, t: rows.some((row) => row.t === stated.t) ? stated.t : told.t });
    stated.line ||= Object.keys(own.draws.lines)[0];
    const { mutation } = own.draws;
    const mutated = own.draws.effects && mutation ? [slider("mix-mutated", mutation.label, stated.mutated ?? Math.round(100 * mutation.usual), set("mutated"))] : [];
    const line = own.draws.effects ? [picker("Line", Object.keys(own.draws.lines).map((each) => [each, each]), stated.line, set("line"), { id: "mix-line" })] : [];
    bar.replaceChildren(
      picker("Endpoint", ends.map((each) => [each.id, each.name]), own.id, begin, { id: "mix-endpoint" }),
      picker("Treatment", rows.map((row) => [row.t, row.t]), stated.t, set("t"), { id: "mix-treatment" }),
      slider("mix-share", "Mixed histology", stated.mixed, set("mixed")), ...mutated, ...line);
    show();
  };
  host.append(bar, said, into, el("p", { class: "quiet" }, `From ${ends[0].draws.family.length} draws of the model: the last digit can differ from the tables. Grey: the reference. ${ends[0].draws.mutation?.note ?? ""}`));
  whenSeen(host, () => {
    begin(ends[0].id);
    watching.push(show);
  });
}
