"""The commands of `atc studies`: what they print, what they write, how they end."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import golden
import pytest
from command_line import WIDTHS, refused
from registries import odd_study, small_folder
from small_registry import cohort, study, write_file, write_registry

from studies import load_registry
from synthesis import cli


@pytest.fixture
def registry(tmp_path):
    """A registry that stands alone, since it has its own words."""
    return small_folder(tmp_path)


@pytest.fixture
def run(capsys):
    """Run a command of `atc studies`; return its exit code, its output and what it said beside."""

    def run(*words):
        return cli.main(["studies", *map(str, words)]), *capsys.readouterr()

    return run


@pytest.fixture
def done(run):
    """Run a command that ends with 0 and says nothing beside its output; return that."""

    def done(*words):
        code, out, err = run(*words)
        assert (code, err) == (0, "")
        return out

    return done


@pytest.fixture
def found(run):
    """Run a command that ends with 1 and says nothing beside its output; return that."""

    def found(*words):
        code, out, err = run(*words)
        assert (code, err) == (1, "")
        return out

    return found


@pytest.fixture
def answer(done, registry):
    """The same as `done`, on the small registry."""
    return lambda *words: done(*words, "--registry", registry)


# --- What is read --------------------------------------------------------------------------------


READ = """\
list
list --status secondary --design retrospective --disease atc
list --status secondary --class chemo --year 2022-
list --format csv
list --format json --endpoint pfs
list --format json --year 1990
list --excluded
list --excluded --format csv
list --excluded --format json
list --excluded --year 2012-
show sparano2021
show left2011
overlaps
overlaps --verbose
overlaps sparano2021 --endpoint os
overlaps --rule
export --format bibtex
export --format bibtex --treatment lenvatinib
export --format table --year 2023
"""


def test_what_is_listed_shown_and_exported_is_the_page_that_was_read(answer, registry, monkeypatch):
    monkeypatch.chdir(registry.parent)
    page = (f"$ atc studies {words}\n{answer(*words.split())}\n" for words in READ.splitlines())
    golden.check("atc_studies", "".join(page))


def test_output_goes_to_a_file_whole_or_not_at_all(run, capsys, registry, tmp_path):
    file = tmp_path / "a" / "list.csv"
    words = ("list", "--format", "csv", "--registry", registry)
    code, out, err = run(*words, "-o", file)
    assert (code, out, err) == (0, "", f"Written: {file}\n")
    assert file.read_text() == run(*words)[1]
    assert [entry.name for entry in file.parent.iterdir()] == ["list.csv"]
    assert "is a folder" in refused(capsys, "studies", *words, "-o", file.parent)


# --- Folders of studies --------------------------------------------------------------------------


def test_a_folder_without_words_adds_to_the_shipped_studies(run, tmp_path):
    folder = tmp_path / "more"
    folder.mkdir()
    write_file(folder / "added2024.toml", study("added2024", cohort("a"), year=2024))
    words = ("list", "--treatment", "lenvatinib", "--registry", folder)
    code, both, _ = run(*words)
    assert code == 0
    assert {"added2024", "sparano2021"} <= {line.split(" ")[0] for line in both.splitlines()}
    code, alone, _ = run(*words, "--only")
    assert alone.splitlines()[-1] == "1 cohort of 1 report"
    second = tmp_path / "second"
    second.mkdir()
    write_file(second / "added2024.toml", study("added2024", cohort("b"), year=2024))
    code, out, err = run(*words, "--registry", second, "--only")
    assert code == 0
    assert err == f"{second / 'added2024.toml'} is used in place of the added2024 read before it.\n"
    assert out.splitlines()[1].split()[1] == "b"


# --- check ---------------------------------------------------------------------------------------


def test_the_shipped_registry_is_sound(done):
    assert re.fullmatch(
        r"\d+ reports with \d+ cohorts checked: no error, no warning; .*notes \(--notes shows "
        r"them\)\.\n",
        done("check"),
    )


def test_check_ends_with_1_where_something_is_left_to_do(done, found, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    file = folder / "odd2021.toml"
    write_file(file, odd_study())
    out = found("check", file)
    assert out.startswith(f"Warnings\n{file}:")
    assert re.search(r"1 report with 1 cohort checked beside \d+ of the registry: no error, 1", out)
    alone = found("check", folder, "--only")
    assert "1 report with 1 cohort checked: no error, 1 warning" in alone
    accepted = {"check": "printed-share", "field": "cohorts[0].characteristics[0].value"}
    write_file(file, odd_study() | {"acknowledged": [accepted | {"reason": "So printed."}]})
    assert "So printed." not in done("check", file)
    assert "Acknowledged: So printed." in done("check", file, "--notes")


def test_check_tells_every_error_with_its_line(found, tmp_path):
    folder = write_registry(tmp_path / "registry", odd_study())
    file = folder / "odd2021.toml"
    file.write_text(file.read_text().replace('"n" = ', '"m" = ').replace("lenvatinib", "lenvatinb"))
    lines = found("check", folder).splitlines()
    assert lines[0] == "Errors"
    number = 1 + file.read_text().partition("\ncohorts")[0].count("\n") + 1
    assert any(line.startswith(f"{file}:{number}, cohorts[0].m: ") for line in lines)
    assert any(line.startswith(f"{file}:{number}, cohorts[0].treatment: ") for line in lines)
    record = json.loads(found("check", folder, "--format", "json"))
    assert {problem["line"] for problem in record["errors"]} == {number}
    assert record["warnings"] == []


# --- new -----------------------------------------------------------------------------------------


def test_new_starts_a_file_and_says_what_to_run_next(done, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, _, *then = done("new", "smith2024", "--arms", "3").splitlines()
    assert first == "Written: smith2024.toml"
    assert then == ["  atc studies check smith2024.toml", "  atc impact smith2024.toml"]
    assert {path.name for path in tmp_path.iterdir()} == {"smith2024.toml", "study.schema.json"}
    text = Path("smith2024.toml").read_text(encoding="utf-8")
    assert text.startswith("#:schema ./study.schema.json\n")
    assert len(tomllib.loads(text)["cohorts"]) == 3
    assert json.loads(Path("study.schema.json").read_text(encoding="utf-8"))["type"] == "object"
    # The command that it names finds the file and what is missing in it.
    assert "smith2024.toml:1, status: found nothing" in found("check", "smith2024.toml")


def test_new_never_replaces_anything(run, done, capsys, registry, tmp_path):
    folder = tmp_path / "my studies"
    words = ("--folder", folder, "--registry", registry)
    out = done("new", "smith2024", *words)
    assert f"  atc studies check '{folder / 'smith2024.toml'}' --registry {registry}" in out
    schema = folder / "study.schema.json"
    assert '"sorafenib"' in schema.read_text()
    schema.write_text("mine")
    (folder / "smith2024.toml").write_text("mine too")
    said = refused(capsys, "studies", "new", "smith2024", *words)
    assert "smith2024.toml exists already" in said
    done("new", "other2024", *words)
    assert (schema.read_text(), (folder / "smith2024.toml").read_text()) == ("mine", "mine too")
    said = refused(capsys, "studies", "new", "sparano2021", *words)
    known = registry / "sparano2021.toml"
    assert said == f"sparano2021 is in the registry already: {known}; edit that file."
    code, _, err = run("new", "left2011", *words)
    assert (code, (folder / "left2011.toml").exists()) == (0, True)
    assert err.startswith("left2011 was found before and left out: Prints no survival. If this is")


def test_new_uses_the_schema_that_stands_above_its_folder(done, tmp_path):
    (tmp_path / "study.schema.json").write_text("{}")
    folder = tmp_path / "data"
    done("new", "smith2024", "--folder", folder)
    assert [path.name for path in folder.iterdir()] == ["smith2024.toml"]
    text = (folder / "smith2024.toml").read_text(encoding="utf-8")
    assert text.startswith("#:schema ../study.schema.json\n")


def test_new_starts_words_that_are_added_and_files_that_use_them(run, done, tmp_path):
    folder = tmp_path / "mine"
    out = done("new", "--vocabulary", "treatments", "--folder", folder)
    assert f"  atc studies new smith2024 --folder {folder}" in out
    words = folder / "vocabulary.toml"
    assert load_registry(folder).vocabulary == load_registry().vocabulary
    words.write_text(filled(words), encoding="utf-8")
    assert load_registry(folder).vocabulary.treatment("MD-101").class_ == "my_class"
    out = done("new", "smith2024", "--folder", folder)
    assert f"  atc report --registry {folder}" in out
    assert "my_drug" in (folder / "smith2024.toml").read_text(encoding="utf-8")
    for wrong in (("--vocabulary", "disease"), ("--vocabulary", "disease", "x2020"), ()):
        assert run("new", *wrong, "--folder", folder)[0] == 2


def filled(path):
    """The text of a first draft, every example as it stands."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.removeprefix("# ") for line in lines)


def test_new_starts_the_words_of_another_disease_which_an_import_uses(run, done, tmp_path):
    folder, table = tmp_path / "own", tmp_path / "arms.csv"
    done("new", "--vocabulary", "disease", "--folder", folder)
    words, priors = folder / "vocabulary.toml", folder / "priors.toml"
    assert not re.search(r"thyroid|anaplastic|BRAF", words.read_text() + priors.read_text())
    code, out, _ = run("check", folder)
    assert (code, out.count("expected a table")) == (1, 2)
    words.write_text(filled(words), encoding="utf-8")
    registry = load_registry(folder)
    assert (len(registry), registry.vocabulary.subject_words) == (0, "biliary tract cancer")
    assert (registry.priors, registry.own_words) == (priors, True)
    code, _, err = run("check", folder)
    assert code == 2
    assert "priors.toml: found no [[priors]] table, expected at least one: add it, or" in err
    head = "study,authors,year,design,status,arm,treatment,treatment_as_printed,n,os_median,os_unit"
    row = "abel2001,Abel A,2001,randomised,verified,all,my_drug,MD-101,20,9.5,months"
    table.write_text(f"{head}\n{row}\n", encoding="utf-8")
    assert "1 report with 1 cohort checked: no error" in done("import", table, "--folder", folder)
    assert run("import", table, "--folder", folder)[0] == 2


# --- export and import ---------------------------------------------------------------------------


def test_an_export_comes_back_the_same(run, capsys, registry, tmp_path):
    file = tmp_path / "all.json"
    assert run("export", "--format", "json", "-o", file, "--registry", registry)[0] == 0
    folder = tmp_path / "all"
    code, out, err = run("import", file)
    assert err == ""
    head, _, rest = out.partition("\n")
    assert head == f"Written: 4 files in {folder}"
    assert (code, rest) == run("check", folder)[:2]
    assert "2 reports with 4 cohorts checked: no error" in rest
    before, after = load_registry(registry), load_registry(folder)
    assert dict(after.studies) == dict(before.studies)
    assert after.vocabulary == before.vocabulary
    assert after.excluded == before.excluded
    assert "a new or empty folder" in refused(capsys, "studies", "import", file)


def test_one_value_in_each_row_is_not_read(capsys, tmp_path):
    file = tmp_path / "old.csv"
    file.write_text("file,field,kind,value\na.toml,id,text,a\n", encoding="utf-8")
    said = refused(capsys, "studies", "import", file)
    assert "import an export as JSON (atc studies export --format json) instead" in said


def test_export_of_estimates_can_be_filtered(answer):
    rows = list(csv.DictReader(io.StringIO(answer("export", "--format", "csv"))))
    assert {row["study"] for row in rows} == {"jannin2023", "sparano2021"}
    assert all(float(row["standard_error"]) > 0 for row in rows)
    text = answer("export", "--format", "csv", "--endpoint", "OS", "--treatment", "lenvatinib")
    some = list(csv.DictReader(io.StringIO(text)))
    assert {(row["treatment"], row["endpoint"]) for row in some} == {("lenvatinib", "os")}
    assert 0 < len(some) < len(rows)


def test_a_table_of_arms_becomes_study_files(done, tmp_path):
    row = dict.fromkeys(next(csv.reader([done("import", "--template")])), "")
    row |= {"study": "smith2024", "authors": "Smith A; Jones B", "year": "2024"}
    row |= {"status": "verified", "arm": "len", "treatment": "lenvatinib", "n": "19"}
    row |= {"treatment_as_printed": "lenvatinib", "os_median": "95.0", "os_unit": "days"}
    file, folder = tmp_path / "arms.csv", tmp_path / "mine"
    with file.open("w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows([row.keys(), row.values()])
    out = done("import", file, "--folder", folder)
    assert re.search(r"1 report with 1 cohort checked beside \d+ of the registry: no error", out)
    (figure,) = load_registry(folder, alone=True).study("smith2024").cohorts[0].survival
    assert (str(figure.median), figure.unit) == ("95.0", "days")
    assert (folder / "study.schema.json").exists()
    listed = done("list", "--registry", folder, "--only")
    assert listed.splitlines()[1].split()[:2] == ["smith2024", "len"]


def test_a_table_that_cannot_be_read_is_refused_with_its_rows(capsys, tmp_path):
    file = tmp_path / "arms.csv"
    head = "study,authors,status,arm,treatment,treatment_as_printed,n"
    file.write_text(f"{head}\nsmith2024,Smith A,verified,a,lenvatinib,lenvatinib,many\n")
    said = refused(capsys, "studies", "import", file)
    assert said.startswith(f"{file}:2, row 2, column n: found")
    file.write_bytes("study\nsmith\xe9".encode("latin-1"))
    said = refused(capsys, "studies", "import", file)
    assert said == f"{file} is not in UTF-8; save it in UTF-8."
    assert [path.name for path in tmp_path.iterdir()] == ["arms.csv"]


def test_a_table_of_patients_becomes_one_study_beside_the_registry(done, capsys, tmp_path):
    header = done("import", "--patients", "--template")
    row = dict.fromkeys(header.strip().split(","), "")
    row |= {"time": "4.2", "unit": "months", "status": "died", "treatment": "lenvatinib"}
    file = tmp_path / "ours2024.csv"
    file.write_text(f"{header}{','.join(row.values())}\n", encoding="utf-8")
    out = done("import", "--patients", file)
    assert out.splitlines()[1].startswith("Add design, and [[overlaps]]")
    registry = load_registry(tmp_path / "ours2024")
    assert registry.study("ours2024").cohorts[0].patients[0].os == Decimal("4.2")
    bad = tmp_path / "bad.csv"
    bad.write_text(f"patient_id,{header}7,{','.join(row.values())}\n", encoding="utf-8")
    said = refused(capsys, "studies", "import", "--patients", bad)
    assert said.startswith(f'{bad}:1, row 1: found the unknown column "patient_id"')
    bad = tmp_path / "bad.json"
    said = refused(capsys, "studies", "import", "--patients", bad)
    assert said == f"{bad} is not *.csv; save the table of patients as CSV."
    assert not (tmp_path / "bad").exists()


def test_schema_holds_the_words_of_the_registry(answer, done):
    small, shipped = json.loads(answer("schema")), json.loads(done("schema"))
    words = small["definitions"]["Cohort"]["properties"]["treatment"]
    assert "best_care" in json.dumps(words)
    assert "best_care" not in json.dumps(shipped)


@pytest.mark.parametrize("columns", WIDTHS)
def test_what_is_listed_fits_the_terminal_and_breaks_no_number(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", f"{columns}")
    for words in ("list", "list --excluded", "overlaps", "overlaps --verbose", "show sparano2021"):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert cli.main(("studies", *words.split())) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if len(line) > columns] == []
        if words == "list":
            listed = [(study.id, own.n) for study in load_registry() for own in study.cohorts]
            rows = [line.split() for line in lines[1:] if re.match(r"[a-z]", line)]
            assert [row[0] for row in rows] == [name for name, _ in listed]  # stand whole
            assert all(str(n or "-") in row for row, (_, n) in zip(rows, listed, strict=True))


def test_a_terminal_that_calls_itself_dumb_shows_the_same(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = []
    for name in ("xterm", "dumb"):
        monkeypatch.setenv("TERM", name)
        assert cli.main(("studies", "list")) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert max(map(len, shown[0].splitlines())) > 80
