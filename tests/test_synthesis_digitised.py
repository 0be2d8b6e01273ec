"""Points read off plotted curves: cleaned, worth the patients, and put into their study file."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import numpy as np
import pytest
from kaplan_meier import curve_of, of_patients, sixty_patients, survival_at

from studies import RegistryError, load_registry
from studies.schema import Cohort, Landmark, SurvivalOutcome
from synthesis import cli
from synthesis.digitised import against_printed, clean, landmarks, read_points, with_landmarks
from synthesis.model.families import family, survival
from synthesis.model.likelihoods import arm_log_likelihood
from synthesis.model.records import read_arm
from synthesis.questions.influence import weighted_quantiles

NAME, MEDIAN, SHAPE = "weibull", 5.0, 1.1


def arm(n=60, **more):
    return Cohort(id="a", treatment="t", treatment_as_printed="t", n=n, **more)


def read(text, n=None):
    return clean(read_points(text, "curve.csv"), "curve.csv", n)


def problem_of(call, *given):
    with pytest.raises(RegistryError) as raised:
        call(*given)
    (problem,) = raised.value.problems
    return problem


# --- Worth the patients --------------------------------------------------------------------------

LOG_MEDIAN, LOG_SHAPE = np.meshgrid(
    np.linspace(0.5, 2.7, 121), np.linspace(-1.0, 0.8, 81), indexing="ij"
)


def posterior(log_likelihood):
    """Middle and width of the median and of survival at a year, under flat priors."""
    weight = np.exp(log_likelihood - log_likelihood.max()).ravel()
    median = np.exp(LOG_MEDIAN)
    values = median, survival(12.0, median, np.exp(LOG_SHAPE), NAME)
    found = [weighted_quantiles(value.ravel(), weight, (0.5, 0.025, 0.975)) for value in values]
    return np.array([middle for middle, *_ in found]), np.array([b - a for _, a, b in found])


def clicks(rng, own, times, died, last):
    """Both corners of every step, as a hand clicks them; percentages behind a semicolon."""
    rows, before = ["X;Y", "0;100,2"], 1.0
    for time in np.sort(times[died & (times < last)]):
        after = survival_at(own, time)[0]
        for level in (before, after):
            x, y = time + 0.05 * rng.normal(), 100.0 * level + 0.2 * rng.normal()
            rows.append(f"{x:.4f};{y:.3f}".replace(".", ","))
        before = after
    rows += [f"{last};{100 * before:.3f}"]
    return [*rows, *(f"{t};;{(times >= t).sum()}" for t in range(0, last + 1, 3))]


def test_a_curve_of_known_patients_is_worth_them():
    """Sixty patients, a third censored, numbers at risk every three months, 16 replicates.

    On average the posterior of the median and of survival at a year lies within 5 % of the width
    of that of the patients, and is as wide to 5 %; a single curve within 15 %.
    """
    rng = np.random.default_rng(8)
    moved, wider = [], []
    for _ in range(16):
        times, died = sixty_patients(rng, MEDIAN, SHAPE)
        text = "\n".join(clicks(rng, curve_of(times, died, "log"), times, died, 18))
        marks = landmarks(read(text, 60), arm(), "os", "months")
        entered = read_arm(None, [Landmark(**mark) for mark in marks], 60)
        from_curve = arm_log_likelihood(entered.chains, [0.0], LOG_MEDIAN, LOG_SHAPE, family(NAME))
        from_patients = of_patients(times, died, LOG_MEDIAN, LOG_SHAPE)
        (middle, width), (exact, patients_width) = map(posterior, (from_curve, from_patients))
        moved.append((middle - exact) / patients_width)
        wider.append(width / patients_width - 1.0)
    assert np.abs(np.mean(moved, axis=0)).max() < 0.05
    assert np.abs(np.mean(wider, axis=0)).max() < 0.05
    assert np.abs(moved).max() < 0.15
    assert np.abs(wider).max() < 0.15


# --- Cleaned -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "time,survival\n0,1\n2,0.8\n4,0.5\n6,0.5\n",
        "0,100\n2,80\n4,50\n6,50\n",
        "x;Kurve 1\n0;100\n2,0;80,0\n4;50\n6;50\n",
        "2\t0.8\n4\t0.5\n6\t0.5",
        "\ufeff6,0.5\n4,0.5\n2,0.8\n0,1",  # from the end to the beginning
    ],
)
def test_every_way_of_writing_points_gives_the_same_curve(text):
    curve = read(text)
    assert curve.time.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert curve.survival.tolist() == [1.0, 0.8, 0.5, 0.5]
    assert curve.at([1.9, 2.0, 5.0]).tolist() == [1.0, 0.8, 0.5]
    assert curve.median == 4.0


def test_points_that_rise_by_a_hair_and_leave_the_axes_are_mended():
    curve = read("-0.1,1.01\n2,0.80\n2.5,0.82\n2.45,0.7\n9,-0.01\n")
    assert curve.time.tolist() == [0.0, 2.0, 2.5, 9.0]
    np.testing.assert_allclose(curve.survival, [1.0, 0.81, 0.7, 0.0])


@pytest.mark.parametrize(
    ("text", "line", "found", "action"),
    [
        ("0,1\n2,a\n", 2, '"a"', "correct the row"),
        ("0,1\n2,0.5,3,4\n", 2, '"2,0.5,3,4"', "correct the row"),
        ("0,1\n2\n", 2, '"2"', "correct the row"),
        ("0,1\n2,0.5,3.5\n", 2, '"2,0.5,3.5"', "correct the row"),
        ("0,1\n", None, "1 with a survival", "read more points"),
        ("0,1\n0,0.5\n", None, "2 with a survival", "read more points"),
        ("0,1.4\n2,0.5\n", 1, "survival 1.4", "calibrate the axes"),
        ("0,140\n2,50\n", 1, "survival 140", "calibrate the axes"),
        ("-3,1\n2,0.5\n", 1, "-3, 1", "calibrate the axes"),
        ("0,1\n2,0.5\n3,0.9\n4,0.4\n", 3, "survival 0.9", "another curve"),
        ("0,1,61\n2,0.5\n", 1, "61 at risk", "look at the numbers"),
        ("0,1,60\n2,0.5,20\n3,0.4,21", 3, "21 at risk", "look at the numbers"),
    ],
)
def test_what_cannot_be_a_curve_is_told_by_its_row(text, line, found, action):
    problem = problem_of(read, text, 60)
    assert (problem.file, problem.line, problem.found) == ("curve.csv", line, found)
    assert action in problem.action


# --- Kept ----------------------------------------------------------------------------------------


def test_times_are_kept_where_the_curve_falls_or_numbers_are_printed():
    printed = Landmark(endpoint="os", time=Decimal(6), unit="months", survival=Decimal("0.4"))
    rows = "0,1,30\n3.3,1\n3.3,0.8\n6,,11\n9,,7\n9.2,0.4\n21,0.4\n"
    marks = landmarks(read(rows, 30), arm(30, landmarks=(printed,)), "os", "months")
    assert [(float(m["time"]), float(m["survival"]), m.get("at_risk")) for m in marks] == [
        *((3.0, 1.0, None), (3.5, 0.8, None), (9.0, 0.8, 7), (9.5, 0.4, None)),
    ]
    assert all(m["digitised"] and m["unit"] == "months" for m in marks)


def test_of_a_curve_that_never_falls_the_end_is_kept():
    (mark,) = landmarks(read("0,1\n4,1\n9.5,1\n"), arm(30), "os", "months")
    assert (float(mark["time"]), float(mark["survival"])) == (9.4, 1.0)


def test_the_curve_is_held_against_what_is_printed():
    outcome = SurvivalOutcome(endpoint="os", median=Decimal(4), unit="months")
    mark = Landmark(endpoint="os", time=Decimal("0.5"), unit="years", survival=Decimal("0.45"))
    own, curve = arm(survival=(outcome,), landmarks=(mark,)), read("0,1\n4.2,0.5\n8,0.3\n")
    assert against_printed(curve, own, "os", "months", "curve.csv") == [
        "median 4.2 months, printed 4 months",
        "0.5 years: 0.500, printed 0.45",
    ]
    problem = problem_of(against_printed, curve, own, "os", "years", "curve.csv")
    assert problem.found == "a median of 4.2 years on the curve"
    assert "--unit" in problem.action


# --- The study file ------------------------------------------------------------------------------

FILE = """\
# A remark at the head.
id = "smith2024"
status = "verified"
citation = { authors = ["Smith A"], year = 2024 }

[[cohorts]]
id = "all"  # everybody
treatment = "lenvatinib"
treatment_as_printed = "lenvatinib"
n = 60

[[cohorts.survival]]
endpoint = "os"
median = 4.1
unit = "months"

[[cohorts.subgroups]]
factor = "histology"
level = "mixed"
n = 20

# The second one.
[[cohorts]]
id = "other"
treatment = "paclitaxel"
treatment_as_printed = "paclitaxel"
n = 9
"""
CURVE = "0,1\n4.2,0.5\n8,0.3\n"


@pytest.fixture
def run(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "smith2024.toml").write_text(FILE, encoding="utf-8")
    (tmp_path / "curve.csv").write_text(CURVE, encoding="utf-8")

    def run(*words, cohort="all"):
        given = ("--study", "smith2024", "--cohort", cohort, "--registry", tmp_path / "data")
        words = ("studies", "digitise", tmp_path / "curve.csv", *given, *words)
        return cli.main([str(word) for word in words]), *capsys.readouterr()

    return run


def test_points_go_into_their_cohort_and_all_else_stays(run, tmp_path):
    file = tmp_path / "data" / "smith2024.toml"
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.startswith(f"Written: 4 points in {file}; picture: {tmp_path / 'curve.svg'}\n")
    assert "  median 4.2 months, printed 4.1 months\n" in out
    assert (tmp_path / "curve.svg").read_text(encoding="utf-8").count("digitised-curve") == 1
    text = file.read_text(encoding="utf-8")
    assert [line for line in FILE.splitlines() if line not in text.splitlines()] == []
    first, second = load_registry(tmp_path / "data", alone=True).study("smith2024").cohorts
    assert [(float(m.time), float(m.survival), m.digitised) for m in first.landmarks] == [
        *((4.1, 1.0, True), (4.2, 0.5, True), (7.9, 0.5, True), (8.0, 0.3, True)),
    ]
    assert second.landmarks == ()
    assert text.index("digitised") < text.index("# The second one.")
    run()
    assert file.read_text(encoding="utf-8") == text  # earlier points went away
    code, _, err = run("--level", "mixed")
    assert (code, err) == (0, "")
    (group,) = load_registry(tmp_path / "data", alone=True).study("smith2024").cohorts[0].subgroups
    assert len(group.landmarks) == 4


@pytest.mark.parametrize(
    ("words", "cohort", "said"),
    [
        (("--unit", "years"), "all", "a median of 4.2 years on the curve"),
        ((), "al", 'unknown cohort "al"; did you mean "all"?'),
        (("--level", "pure"), "all", 'unknown level "pure"'),
    ],
)
def test_nothing_is_written_where_something_is_wrong(run, tmp_path, words, cohort, said):
    code, out, err = run(*words, cohort=cohort)
    assert (code, out) == (2, "")
    assert said in err
    assert (tmp_path / "data" / "smith2024.toml").read_text(encoding="utf-8") == FILE
    assert not (tmp_path / "curve.svg").exists()


def test_points_that_contradict_a_printed_survival_are_refused():
    text = FILE.replace(
        "[[cohorts.subgroups]]",
        '[[cohorts.landmarks]]\nendpoint = "os"\ntime = 6\nunit = "months"\nsurvival = 0.2\n\n'
        "[[cohorts.subgroups]]",
    )
    marks = landmarks(read(CURVE), arm(), "os", "months")
    with pytest.raises(RegistryError, match=r"landmarks\[\d\].survival"):
        with_landmarks(text, "smith2024.toml", (0, None), marks)


def test_tables_on_one_line_are_refused_and_other_line_ends_kept():
    marks = landmarks(read(CURVE), arm(), "os", "months")
    made = with_landmarks(FILE.replace("\n", "\r\n"), "smith2024.toml", (1, None), marks)
    assert made.count("\n") == made.count("\r\n")
    assert len(tomllib.loads(made)["cohorts"][1]["landmarks"]) == len(marks)
    inline = FILE.replace("n = 9\n", "n = 9\nlandmarks = []\n")
    held = 'landmarks = [{ endpoint = "os", time = 6, unit = "months", survival = 0.2 }]'
    inline = inline.replace("landmarks = []", held)
    problem = problem_of(with_landmarks, inline, "smith2024.toml", (1, None), marks)
    assert (problem.field, problem.found) == ("cohorts[1].landmarks[0]", "a table behind a key")
