"""What was published: reports on the outcome of one cancer, as printed.

Nothing in this package models or derives beyond arithmetic that it shows; it depends on pydantic,
numpy and pandas alone.
"""

from studies.arms import arms_from_frame
from studies.problems import Problem, RegistryError
from studies.registry import Registry, add_studies, load_registry
from studies.schema import Cohort, Study
from studies.vocabulary import UnknownWordError, Vocabulary, load_vocabulary

__all__ = [
    "Cohort",
    "Problem",
    "Registry",
    "RegistryError",
    "Study",
    "UnknownWordError",
    "Vocabulary",
    "add_studies",
    "arms_from_frame",
    "load_registry",
    "load_vocabulary",
]
