"""What may import what, and how large things may grow, read from the source."""

from __future__ import annotations

import ast
import re
import sys
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("studies", "priors", "synthesis")
SOURCES = sorted(chain.from_iterable((ROOT / name).rglob("*.py") for name in PACKAGES))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

STANDARD = set(sys.stdlib_module_names)
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 500, 70

# Modules of synthesis, from the bottom up: each may import only what stands on an earlier line.
LAYERS = (
    ("families", "ranks", "packing", "restrictions", "staging", "text"),
    ("logrank", "printed_curve", "kernel_curves", "kernel_chains"),
    ("likelihoods", "kernel"),
    ("reading", "comparisons", "covariates"),
    ("observations", "fit"),
    ("model_arrays",),
    ("survival", "response"),
    ("diagnostics",),
    ("models", "effects"),
    ("joint",),
    ("cohort_terms", "stacking"),
    ("integrated",),
    ("loo",),
    ("family_fits",),
    ("manifest",),
    ("estimands",),
    ("response_estimands",),
    ("tables",),
    ("forest_table", "curve_table", "histology_table", "figure_table", "crowd", "predictive"),
    ("family_tables", "covariate_table"),
    ("predictive_checks",),
    ("benefit",),
    ("historical",),
    ("bias",),
    ("sensitivity",),
    ("narrative", "settings", "used_priors"),
    ("answers", "comparing"),
    ("analysis",),
    ("impact", "planning"),
    ("plots",),
    ("report",),
    ("cli",),
)


def module_of(path: Path) -> str:
    """Dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(path: Path) -> str:
    """Top-level package of a source file."""
    return path.relative_to(ROOT).parts[0]


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, ``from synthesis import x`` resolved."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            if node.module in PACKAGES:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return found


def roots(path: Path) -> set[str]:
    """Top-level packages that a file imports."""
    return {name.split(".")[0] for name in imports(path)}


def named(paths, condition):
    """Files that meet a condition, by their path in the project."""
    return [str(path.relative_to(ROOT)) for path in paths if condition(path)]


def of(package):
    """Source files of one package."""
    return [path for path in SOURCES if package_of(path) == package]


def modules_of_synthesis():
    """Source files of synthesis but its front door, which only names what stands behind it."""
    return [path for path in of("synthesis") if module_of(path) != "synthesis"]


def layer_of(module):
    """Position of a module of synthesis in the layers."""
    own = module.split(".")[1]
    (position,) = [i for i, names in enumerate(LAYERS) if own in names]
    return position


# --- Directions ----------------------------------------------------------------------------------


def test_every_file_is_looked_at():
    assert {package_of(path) for path in SOURCES} == set(PACKAGES)
    modules = {module_of(path).split(".")[1] for path in modules_of_synthesis()}
    assert sorted(chain.from_iterable(LAYERS)) == sorted(modules)


def test_studies_knows_neither_priors_nor_synthesis_nor_any_statistics():
    heavy = {"priors", "synthesis", "pymc", "pytensor", "arviz", "nutpie", "matplotlib", "scipy"}
    assert named(of("studies"), lambda path: roots(path) & heavy) == []


def test_priors_knows_numbers_only_and_pymc_in_one_file():
    allowed = {"priors", "numpy", "scipy", "pydantic"} | STANDARD
    realise = ROOT / "priors" / "realise.py"
    others = [path for path in of("priors") if path != realise]
    assert named(others, lambda path: roots(path) - allowed) == []
    assert roots(realise) - allowed == {"pymc", "pytensor"}


def test_the_layers_of_synthesis():
    wrong = []
    for path in modules_of_synthesis():
        own = module_of(path)
        for name in imports(path):
            if name.split(".")[0] != "synthesis" or name.split(".")[1] == own.split(".")[1]:
                continue
            if layer_of(name) >= layer_of(own):
                wrong.append(f"{own} imports {name}")
    assert wrong == []


def test_plots_import_nothing_of_the_project_but_plots():
    def astray(path):
        own = {name for name in imports(path) if name.split(".")[0] in PACKAGES}
        return {name for name in own if not name.startswith("synthesis.plots")}

    plots = [path for path in of("synthesis") if "plots" in path.parts]
    assert plots
    assert named(plots, astray) == []


def test_matplotlib_is_met_below_plots_only():
    found = named(SOURCES, lambda path: "matplotlib" in roots(path))
    assert found
    assert [name for name in found if not name.startswith("synthesis/plots/")] == []


def test_one_file_calls_the_sampler():
    sampler = re.compile(r"\bpm\.sample\b|\bpymc\.sample\b|\bnutpie\.sample\b")

    def samples(path):
        return "nutpie" in roots(path) or sampler.search(path.read_text(encoding="utf-8"))

    assert named(SOURCES, samples) == ["synthesis/fit.py"]


def test_help_listing_and_checking_import_nothing_heavy():
    """What the command line imports at its top, followed through the project's own modules."""
    heavy = {"pymc", "pytensor", "arviz", "nutpie", "matplotlib", "scipy", "pandas", "numba"}
    paths = {module_of(path): path for path in SOURCES}
    # All that the commands of `atc studies` import, be it inside a function.
    texts = ("plain", "listing", "checking", "showing", "overlaps")
    waiting = [
        "synthesis.cli",
        *(f"synthesis.text.{name}" for name in texts),
        *map(module_of, of("studies")),
    ]
    seen, found = set(), {}
    while waiting:
        module = waiting.pop()
        if module not in paths:  # a name inside a package: its module is the package
            module = module.rpartition(".")[0]
        if module in seen or module not in paths:
            continue
        seen.add(module)
        names = top_imports(paths[module])
        found |= {name: module for name in names if name.split(".")[0] in heavy}
        waiting += [name for name in names if name.split(".")[0] in PACKAGES]
        waiting += [name.split(".")[0] for name in names if name.split(".")[0] in PACKAGES]
    assert {"studies.registry", "synthesis.staging", "synthesis.cli.studies"} <= seen
    assert found == {}


def top_imports(path: Path) -> set[str]:
    """Modules imported when a file is imported: at its top level, not for type checkers."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found = set()
    for node in body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            if node.module.split(".")[0] in PACKAGES:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


# --- Shape of the source -------------------------------------------------------------------------


def functions(path: Path):
    """Every function of a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def test_public_signatures_name_their_arguments():
    found = [
        f"{module_of(path)}.{node.name}"
        for path in SOURCES
        for node in functions(path)
        if node.args.kwarg is not None and not node.name.startswith("_")
    ]
    assert found == []


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < MOST_LINES
    long = [
        node.name
        for node in functions(path)
        if node.end_lineno - node.lineno + 1 >= MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


# --- Nothing of one machine ----------------------------------------------------------------------

SETTINGS = [
    path
    for path in sorted(ROOT.iterdir()) + sorted((ROOT / ".ci").iterdir())
    if path.is_file() and path.name not in {"LICENSE", "README.md", "CITATION.cff"}
]


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.name)
def test_settings_hold_no_package_index(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"index-url|find-links|https?://\S*(?:simple|pypi)\S*", text) == []


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.name)
def test_settings_hold_no_path_of_one_machine(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?<![\w.])/(?:home|root|work|Users|opt|mnt)/\S*", text) == []


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_sources_hold_no_path_of_one_machine(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"""["'](?:/(?:home|root|work|tmp|Users|opt|mnt)|[A-Z]:\\)""", text) == []
