// What opens, what is copied, light and dark, and print: then everything starts.

/** Put in place what stands folded; it is made when it is asked for. */
function unfold(details) {
  for (const folded of details.querySelectorAll(":scope > template")) folded.replaceWith(folded.content);
  if (details.querySelector("#appraisal:empty")) drawAppraisal();
  reachable();
}

/** What scrolls sideways can be reached with the keyboard; what does not is no stop on the way. */
function reachable() {
  for (const wide of document.querySelectorAll(".wide, .paper")) {
    const scrolls = wide.scrollWidth > wide.clientWidth + 1;
    const about = scrolls ? { tabindex: "0", role: "region", "aria-label": wide.dataset.label } : {};
    for (const name of ["tabindex", "role", "aria-label"]) {
      if (about[name]) wide.setAttribute(name, about[name]);
      else wide.removeAttribute(name);
    }
  }
}

function textOf(what, button) {
  if (what === "numbers") return numbersText();
  if (what === "bibtex") return DATA.bibtex;
  if (what === "caption") return button.closest("figcaption").querySelector(".caption").textContent;
  const methods = document.getElementById("methods-text");
  unfold(methods);
  return [...methods.querySelectorAll("h3, p")].map((part) => part.textContent.trim().replace(/\s+/g, " ")).join("\n\n");
}

/** Copy text; where the clipboard is closed to a page from disk, by way of a selection. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

async function copyFrom(button) {
  const text = textOf(button.dataset.copy, button);
  await copy(text);
  const words = button.textContent;
  button.textContent = "Copied";
  say(`${words.replace("Copy", "Copied")}`);
  setTimeout(() => (button.textContent = words), 1200);
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function startTheme() {
  const button = document.getElementById("theme");
  const show = () => {
    button.setAttribute("aria-pressed", String(isDark()));
    redrawCharts();
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

/** Print holds everything: what is folded is opened, every cohort is listed. */
function openAll() {
  Object.assign(list, { all: true });
  unfoldAll();
  if (document.getElementById("list-rows")) drawList();
  unfoldAll(); // what the list folds
}

function unfoldAll() {
  for (let left = [...document.querySelectorAll("details")]; left.length; left = left.flatMap((one) => [...one.querySelectorAll("details")])) {
    for (const one of left) {
      unfold(one);
      one.open = true;
    }
  }
}

/** An address of something folded opens it. */
function openAddress() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (!id || id.includes("=")) return;
  document.getElementById(id)?.closest("details")?.setAttribute("open", "");
}

document.addEventListener("toggle", (event) => event.target.open && unfold(event.target), true);
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.copy");
  if (button) copyFrom(button);
});
addEventListener("beforeprint", openAll);
addEventListener("resize", reachable);
addEventListener("hashchange", () => {
  if (location.hash.includes("=")) {
    readAddress();
    watching.forEach((view) => view());
  }
  openAddress();
});

readAddress();
startTable();
startCurves();
startDensities();
startPopulation();
startPredicted();
startList();
startTheme();
openAddress();
reachable();
document.documentElement.dataset.ready = "";
