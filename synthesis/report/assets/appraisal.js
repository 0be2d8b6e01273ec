// How each report was appraised: a light for every item, with a sign, and the reasons behind it.

const ANSWERS = { "+": "yes", "-": "no", "?": "unclear" };

function light(sign, label, reason) {
  return el("span", { class: `light ${ANSWERS[sign]}`, role: "img", "aria-label": `${label} ${ANSWERS[sign]}`, title: reason || "not told" }, sign === "-" ? "−" : sign);
}

function appraisalRow(one) {
  const { items } = DATA.appraisal;
  const told = one.items.map(([sign, reason], i) => reason && el("li", {}, light(sign, items[i][0]), ` ${items[i][0]}: `, el("span", {}, reason)));
  const why = told.some(Boolean) && el("details", {}, el("summary", {}, "reasons"), el("ul", { class: "reasons" }, ...told.filter(Boolean)));
  return el("tr", {},
    el("th", { scope: "row" }, reportLink(one), why || ""),
    ...one.items.map(([sign, reason], i) => el("td", {}, light(sign, items[i][0], reason))),
    el("td", { class: "num" }, String(one.yes)));
}

function drawAppraisal() {
  const { items, reports } = DATA.appraisal;
  const heads = items.map(([label, question]) => el("th", { scope: "col", title: question }, label));
  document.getElementById("appraisal").append(
    el("table", {}, el("caption", { class: "unseen" }, "Appraisal of the reports"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Report"), ...heads, el("th", { scope: "col", class: "num" }, "Yes"))),
      el("tbody", {}, ...reports.map(appraisalRow))));
}
