// What the page has read, what a reader chose, and elements made of text.

const DATA = JSON.parse(document.getElementById("data").textContent);

const USUAL = { e: DATA.endpoints[0]?.id ?? "", h: "reference", r: "", q: "", all: "", x: String(DATA.delta), sort: "-median", open: "" };
const SORTED = ["name", "size", "median", "gain", "chance", "evidence"];
const state = { ...USUAL };
const watching = [];

/** Read the choices that the address holds; an address of a section changes none. */
function readAddress() {
  const hash = location.hash.slice(1);
  if (hash && !hash.includes("=")) return;
  const given = new URLSearchParams(hash);
  for (const name of Object.keys(USUAL)) state[name] = given.get(name) ?? USUAL[name];
  settle();
}

/** Choices that do not go together fall back to the usual ones. */
function settle() {
  const own = endpoint();
  if (!own) return;
  state.e = own.id;
  if (!own.histologies.includes(state.h)) state.h = "reference";
  if (!own.references.includes(state.r)) state.r = "";
  if (!DATA.months.includes(Number(state.x))) state.x = USUAL.x;
  if (!SORTED.includes(state.sort.replace("-", ""))) state.sort = USUAL.sort;
}

/** Change choices, put them into the address and let every view follow. */
function choose(changes) {
  Object.assign(state, changes);
  settle();
  const kept = Object.entries(state).filter(([name, value]) => value !== USUAL[name]);
  const text = new URLSearchParams(kept).toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  watching.forEach((view) => view());
}

function endpoint(id = state.e) {
  return DATA.endpoints.find((each) => each.id === id) ?? DATA.endpoints[0];
}

function reference(own = endpoint()) {
  return state.r || own.reference;
}

/** An element with attributes and children; text is text, never markup. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** An element of a drawing. */
function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Months to one decimal, none from 100 on; a minus as a reader knows it. */
function months(value) {
  return value.toFixed(Math.abs(value) >= 99.95 ? 0 : 1).replace(/^-(?=.*[1-9])/, "−").replace(/^-/, "");
}

/** A probability to two decimals, never a certainty. */
function chance(p) {
  return p >= 0.995 ? ">0.99" : p < 0.005 ? "<0.01" : p.toFixed(2);
}

function counted(number, noun) {
  return `${number.toLocaleString("en-GB")} ${noun}${number === 1 ? "" : "s"}`;
}

function small(label) {
  return /^.[A-Z0-9]/.test(label) ? label : label[0].toLowerCase() + label.slice(1);
}

/** Say something to a reader who listens, and show it for a moment. */
function say(words) {
  document.getElementById("said").textContent = words;
}

/** A choice from a list, with its label. */
function picker(label, options, value, change, attributes = {}) {
  const select = el("select", { ...attributes, onchange: (event) => change(event.target.value) });
  for (const [key, text] of options) select.append(el("option", { value: key, selected: key === value }, text));
  return el("label", {}, el("span", {}, label), select);
}
