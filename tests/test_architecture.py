"""What may import what, and how large things may grow, read from the source."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from functools import cache
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("studies", "priors", "synthesis")
SOURCES = sorted(chain.from_iterable((ROOT / name).rglob("*.py") for name in PACKAGES))
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MOST_LINES, MOST_LINES_OF_A_FUNCTION = 700, 70
# What stands, rounded up; a change that needs more moves them, and says for what.
MOST_MODULES, MOST_PRODUCT_LINES, MOST_TEST_LINES = 130, 41_500, 30_850
LONGEST_CHAIN = 18

# What stands in synthesis, from the bottom up; a name imports only from those before it.
FLOORS = (
    ("choices", "numbers", "staging"),
    ("endpoints", "result"),
    ("reported",),
    ("model",),
    ("counting", "digitised"),
    ("fits",),
    ("left_out",),
    ("stacking",),
    ("estimands", "settings"),
    ("predictive", "restrictions"),
    ("plots",),
    ("questions",),
    ("run",),
    ("report",),
    ("cli",),
)


# --- The graph of imports ------------------------------------------------------------------------


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_of(path: Path, root: Path = ROOT) -> str:
    """Dotted name of a source file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(nodes) -> set[str]:
    """Names that import statements ask for, a module and every ``module.name``."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    return imported(ast.walk(tree_of(path)))


def roots(names: set[str]) -> set[str]:
    """Top-level packages of modules."""
    return {name.split(".")[0] for name in names}


def graph(paths, root: Path = ROOT, *, anywhere: bool = False) -> dict[str, set[str]]:
    """Module -> modules of the same set that it imports.

    ``from package import module`` is an import of the module; of a name, one of the front door.
    """
    names = {module_of(path, root): path for path in paths}
    edges = {}
    for name, path in names.items():
        nodes = ast.walk(tree_of(path)) if anywhere else tree_of(path).body
        edges[name] = set()
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                parts = {f"{node.module}.{alias.name}" for alias in node.names}
                edges[name] |= parts & names.keys()
                edges[name] |= {node.module} if parts - names.keys() else set()
            elif isinstance(node, ast.Import):
                edges[name] |= {alias.name for alias in node.names}
        edges[name] &= names.keys() - {name}
    return edges


def longest_chain(edges: dict[str, set[str]]) -> list[str]:
    """The longest chain of imports; fails where modules import each other in a circle."""
    done: dict[str, list[str]] = {}

    def chain_from(name: str, above: tuple[str, ...]) -> list[str]:
        assert name not in above, f"circle of imports: {' -> '.join([*above, name])}"
        if name not in done:
            below = [chain_from(other, (*above, name)) for other in sorted(edges[name])]
            done[name] = [name, *max(below, key=len, default=[])]
        return done[name]

    return max((chain_from(name, ()) for name in edges), key=len)


def named(paths, condition):
    """Files that meet a condition, by their path in the project."""
    return [str(path.relative_to(ROOT)) for path in paths if condition(path)]


def of(package):
    """Source files of one package."""
    return [path for path in SOURCES if path.relative_to(ROOT).parts[0] == package]


# --- Directions ----------------------------------------------------------------------------------


def test_no_circle_of_imports_and_no_long_chain():
    chain_ = longest_chain(graph(SOURCES))
    assert len(chain_) <= LONGEST_CHAIN, " -> ".join(chain_)
    longest_chain(graph(SCRIPTS, ROOT / "scripts", anywhere=True))
    longest_chain(graph(TESTS, ROOT / "tests", anywhere=True))


def test_studies_knows_neither_priors_nor_synthesis_nor_any_statistics():
    heavy = {"priors", "synthesis", "pymc", "pytensor", "arviz", "nutpie", "matplotlib", "scipy"}
    assert named(of("studies"), lambda path: roots(imports(path)) & heavy) == []


def test_priors_knows_numbers_only():
    allowed = {"priors", "numpy", "scipy", "pydantic"} | set(sys.stdlib_module_names)
    assert named(of("priors"), lambda path: roots(imports(path)) - allowed) == []


def test_every_room_of_synthesis_stands_on_a_floor_and_imports_downwards():
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    wrong, rooms = [], set()
    for path in of("synthesis"):
        room = path.relative_to(ROOT / "synthesis").with_suffix("").parts[0]
        if room in ("__init__", "__main__"):
            continue
        rooms.add(room)
        used = {name.split(".")[1] for name in imports(path) if name.startswith("synthesis.")}
        wrong += [f"{path.name}: {other}" for other in used - {room} if floor[other] >= floor[room]]
    assert rooms == set(floor)
    assert wrong == []


def test_matplotlib_is_met_in_plots_only():
    others = [path for path in SOURCES if "plots" not in path.parts]
    assert named(others, lambda path: "matplotlib" in roots(imports(path))) == []


def test_one_file_calls_the_sampler():
    sampler = re.compile(r"\bpm\.sample\b|\bpymc\.sample\b|\bnutpie\.sample\b")

    def samples(path):
        return sampler.search(path.read_text(encoding="utf-8"))

    assert named(SOURCES, samples) == ["synthesis/model/sampler.py"]
    compiles = ["synthesis/model/compiling.py", "synthesis/model/sampler.py"]
    assert named(SOURCES, lambda path: "nutpie" in roots(imports(path))) == compiles


def test_help_listing_and_checking_import_nothing_heavy():
    """What the command line imports at its top, followed through the project's own modules."""
    heavy = {"pymc", "pytensor", "arviz", "nutpie", "matplotlib", "scipy", "pandas", "numba"}
    paths = {module_of(path): path for path in SOURCES}
    waiting = ["synthesis.cli", *map(module_of, of("studies"))]
    seen, found = set(), {}
    while waiting:
        module = waiting.pop()
        if module in seen or module not in paths:
            continue
        seen.add(module)
        # at the top level, not for type checkers
        names = imported(tree_of(paths[module]).body)
        found |= {name: module for name in names if roots({name}) & heavy}
        for name in names:
            parts = name.split(".")
            waiting += [".".join(parts[: i + 1]) for i in range(len(parts))]
    assert {"studies.registry", "synthesis.staging", "synthesis.endpoints"} <= seen
    assert found == {}


# --- Shape of the source -------------------------------------------------------------------------


def functions(path: Path):
    """Every function of a file."""
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef)]


def lines(paths) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def test_the_house_stays_small():
    assert len(SOURCES) <= MOST_MODULES
    assert lines(SOURCES) <= MOST_PRODUCT_LINES
    assert lines(TESTS) <= MOST_TEST_LINES


def test_files_and_functions_can_be_read_in_one_sitting():
    paths = SOURCES + SCRIPTS + TESTS
    long = [path for path in paths if lines([path]) > MOST_LINES]
    assert named(long, bool) == []
    assert [
        f"{path.name}: {node.name}"
        for path in paths
        for node in functions(path)
        if node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    ] == []


def test_public_signatures_name_their_arguments():
    # what passes options on to pydantic, typer or matplotlib
    allowed = {"studies.kinds", "synthesis.result", "synthesis.plots.marks", "synthesis.plots.page"}
    cli = ("commands", "options", "request", "running", "studies")
    allowed |= {f"synthesis.cli.{name}" for name in cli}
    assert [
        f"{module_of(path)}.{node.name}"
        for path in SOURCES
        for node in functions(path)
        if node.args.kwarg is not None and not node.name.startswith("_")
        if module_of(path) not in allowed
    ] == []


def test_no_public_name_is_that_of_a_module():
    for package in PACKAGES:
        door = importlib.import_module(package)
        modules = {item.name for item in pkgutil.iter_modules(door.__path__)}
        assert modules & set(door.__all__) == set()
        for name in door.__all__:
            assert callable(getattr(door, name)) or not isinstance(getattr(door, name), type(ast))


def test_endpoints_are_typed_in_one_place():
    """Outside docstrings the word of an endpoint stands in the list of endpoints only."""
    assert named(of("synthesis"), lambda path: "pfs" in words(path)) == ["synthesis/endpoints.py"]


def words(path: Path) -> set[str]:
    """Every text of a file that is one string."""
    nodes = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant))
    return {node.value for node in nodes if isinstance(node.value, str)}


def test_the_map_names_every_module_and_no_other():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(page.splitlines()) <= 100
    rows = dict(re.findall(r"^\| `([a-z/]+)/` \| (.*) \|$", page, re.MULTILINE))
    known, missing = set(), []
    for path in SOURCES:
        name = path.parent.name if path.name == "__init__.py" else path.stem
        known.add(name)
        folders = map(str, path.relative_to(ROOT).parents)
        row = next(rows[folder] for folder in folders if folder in rows)
        if path.name != "__init__.py" and f"`{name}`" not in row:
            missing.append(str(path.relative_to(ROOT)))
    assert missing == []
    assert {word for row in rows.values() for word in re.findall(r"`([a-z_]+)`", row)} <= known


# --- Nothing of one machine ----------------------------------------------------------------------

SETTINGS = [
    path
    for path in sorted(ROOT.iterdir()) + sorted((ROOT / ".ci").iterdir())
    if path.is_file() and path.name not in {".git", "LICENSE", "README.md", "CITATION.cff"}
]


def lines_with(pattern: str, paths) -> list[str]:
    """Places where a pattern stands."""
    return [
        f"{path.relative_to(ROOT)}: {match}"
        for path in paths
        for match in re.findall(pattern, path.read_text(encoding="utf-8"))
    ]


def test_settings_hold_no_package_index_and_no_path_of_one_machine():
    assert lines_with(r"index-url|find-links|https?://\S*(?:simple|pypi)\S*", SETTINGS) == []
    assert lines_with(r"(?<![\w.])/(?:home|root|work|Users|opt|mnt)/\S*", SETTINGS) == []


def test_sources_hold_no_path_of_one_machine():
    pattern = r"""["'](?:/(?:home|root|work|tmp|Users|opt|mnt)|[A-Z]:\\)"""
    assert lines_with(pattern, SOURCES + SCRIPTS) == []


def test_the_citation_file_has_the_version_of_the_package():
    written = {
        name: re.search(r"(?m)^version\W+([\d.]+)", (ROOT / name).read_text(encoding="utf-8"))[1]
        for name in ("pyproject.toml", "CITATION.cff")
    }
    assert len(set(written.values())) == 1
