"""Words that a person chooses among: commands know them before anything heavy is loaded."""

from __future__ import annotations

#: Survival families, by their names in commands, settings and files.
FAMILIES = (
    *("exponential", "weibull", "log-logistic", "log-normal"),
    *("generalised gamma", "long-tail"),
)
#: Instead of one family: several, weighted by how well they predict.
STACKED = "stacked"
#: Histology of patients; ``reference`` is the reference mix.
HISTOLOGIES = ("pure", "mixed", "reference")
#: What a sensitivity analysis makes otherwise.
CHANGES = ("priors", "family", "likelihood", "selection", "classes", "studies")
#: Designs of a planned study, and who would be treated in it.
STUDY_KINDS = ("single-arm", "randomised")
POPULATIONS = ("all", "pure", "mixed")
#: Confounding that is allowed for: that of the priors, none, or so many times as long anyway.
DEFAULT = "default"
CONFOUNDING = (DEFAULT, "0", "1.5", "2")
#: Widths of a figure.
WIDTHS = ("one-column", "two-column", "slide")
#: Orders of treatments and cohorts in a forest plot, and its columns of text.
ORDERS = ("effect", "year", "size")
COLUMNS = ("design", "country", "n", "events", "reported", "model")
#: Formats of the tables beside CSV.
TABLES = ("latex", "markdown")
#: What a document says of who saved it last, until a person does.
MAKER = "atc-synthesis"
