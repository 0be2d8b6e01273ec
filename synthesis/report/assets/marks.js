// Intervals on an axis: every mark is placed in per cent of the width, so that it needs no redrawing.

const TICKS = [0.5, 1, 2, 3, 6, 12, 24, 48, 96];
const SHARES = [0, 0.25, 0.5, 0.75, 1];

/** An axis that reaches as far as the values; `at` gives the place of a value in per cent. */
function axis(own, values) {
  if (!own.log) {
    const at = (value) => 3 + 94 * Math.min(Math.max(value, 0), 1);
    return { at, ticks: SHARES, label: (tick) => `${100 * tick}` };
  }
  const known = values.filter((value) => value > 0);
  const low = Math.max(Math.min(...known, 2), 0.4);
  const high = Math.min(Math.max(...known, 12), 130);
  const [from, to] = [Math.log(low * 0.9), Math.log(high * 1.1)];
  const at = (value) => (100 * (Math.min(Math.max(Math.log(Math.max(value, 1e-9)), from), to) - from)) / (to - from);
  const ticks = TICKS.filter((tick) => tick >= low * 0.9 && tick <= high * 1.1);
  return { at, ticks, label: String };
}

function percent(place) {
  return `${place.toFixed(2)}%`;
}

function line(x1, x2, y, kind) {
  return shape("line", { x1: percent(x1), x2: percent(x2), y1: y, y2: y, class: kind });
}

/** Faint lines at the ticks, one path for all, and a stronger one at a value of note. */
function grid(scale, note) {
  const lines = scale.ticks.map((tick) => {
    const x = percent(scale.at(tick));
    return shape("line", { x1: x, x2: x, y1: 0, y2: "100%", class: "tick" });
  });
  if (note) {
    const x = percent(scale.at(note));
    lines.push(shape("line", { x1: x, x2: x, y1: 0, y2: "100%", class: "note" }));
  }
  return lines;
}

/** The numbers of an axis, for the head of a table. */
function tickLabels(scale) {
  const drawn = shape("svg", { class: "axis", "aria-hidden": "true" });
  scale.ticks.forEach((tick, place) => {
    const end = place === 0 ? "start" : place === scale.ticks.length - 1 ? "end" : "middle";
    const where = scale.at(tick) < 4 ? "start" : scale.at(tick) > 96 ? "end" : "middle";
    const text = shape("text", { x: percent(scale.at(tick)), y: 12, "text-anchor": where, class: end });
    text.textContent = scale.label(tick);
    drawn.append(text);
  });
  return drawn;
}

/** Pooled estimate with its interval on the bar where a new study is expected. */
function interval(scale, marks, { hue, words, open, note }) {
  const [middle, lower, upper, newLower, newUpper] = marks;
  const drawn = shape("svg", { class: open ? "reach open" : "reach", role: "img", "aria-label": words });
  drawn.style.setProperty("--hue", hue);
  const [from, to] = [scale.at(newLower), scale.at(newUpper)];
  drawn.append(
    ...grid(scale, note),
    shape("rect", { x: percent(from), width: percent(to - from), y: "25%", height: "50%", class: "new" }),
    line(scale.at(lower), scale.at(upper), "50%", "ends"),
    shape("circle", { cx: percent(scale.at(middle)), cy: "50%", r: 4.2, class: "dot" }),
  );
  return drawn;
}

/** One cohort: as reported (open square) and as modelled (dot). */
function cohortMarks(scale, marks, hue, n, words) {
  const [reported, from, to, middle, lower, upper] = marks;
  const drawn = shape("svg", { class: "reach", role: "img", "aria-label": words });
  drawn.style.setProperty("--hue", hue);
  drawn.append(...grid(scale), line(scale.at(lower), scale.at(upper), "68%", "ends"));
  drawn.append(shape("circle", { cx: percent(scale.at(middle)), cy: "68%", r: 3.4, class: "dot" }));
  if (from !== null || to !== null) {
    drawn.append(line(from === null ? 0 : scale.at(from), to === null ? 100 : scale.at(to), "32%", "said"));
  }
  if (reported !== null) {
    const side = Math.min(4 + Math.sqrt(n || 1) / 2, 12);
    const square = shape("svg", { x: percent(scale.at(reported)), y: "32%", class: "free" });
    square.append(shape("rect", { x: -side / 2, y: -side / 2, width: side, height: side, class: "square" }));
    drawn.append(square);
  }
  const title = shape("title");
  title.textContent = words;
  drawn.prepend(title);
  return drawn;
}
