"""The bundled examples: kidney stones, Berkeley admissions, the RAND experiment."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from aitia import Effect, Study, examples
from aitia.estimation import Estimate
from aitia.identification import Contrast, Question
from reference.row import (
    Found,
    Row,
    Section,
    value_of,
)


@cache
def example(name: str, question: Question, graph: str = "") -> Estimate:
    """A bundled example, answered with the default estimator."""
    bundled = examples.load(name)
    return Study(bundled.table(), question, graph or bundled.graph).estimate().result


def mean_under(name: str, question: Question, level: str, graph: str = "") -> Callable[[], Found]:
    """The mean outcome under one level of the treatment."""

    def found() -> Found:
        profile = example(name, question, graph).profile
        assert profile is not None
        return Found(float(profile.means[profile.points.index(level)]))

    return found


def visits(plan: str) -> Found:
    """Mean visits a person-year under one plan, in the file that statsmodels ships."""
    import numpy as np

    rows = examples.load("rand_hie").table().select(["plan", "visits"]).batches()
    pairs = [each for batch in rows for each in zip(*(column.to_pylist() for column in batch.columns))]
    return Found(float(np.mean([count for each, count in pairs if each == plan])))


STONES = Effect("treatment", "success", Contrast("open", "percutaneous"))
ALONE = "treatment -> success"
ADMISSION = Effect("sex", "admitted", Contrast("male", "female"))
DEPARTMENT_FIRST = "department -> sex; department -> admitted; sex -> admitted"


SECTIONS = (
    Section(
        "Kidney stones",
        "Charig et al. 1986: 700 patients, from the published counts. Raw, open surgery looks worse; within each size "
        "of stone it is better.",
        (
            Row(
                "success of open surgery, raw",
                "0.7800",
                mean_under("kidney_stones", STONES, "open", ALONE),
                "mean under `open`, nothing to adjust for",
            ),
            Row(
                "success of percutaneous surgery, raw",
                "0.8257",
                mean_under("kidney_stones", STONES, "percutaneous", ALONE),
                "mean under `percutaneous`",
            ),
            Row(
                "open, standardised over size",
                "0.8325",
                mean_under("kidney_stones", STONES, "open"),
                "`Study(...).estimate()`",
            ),
            Row(
                "percutaneous, standardised",
                "0.7789",
                mean_under("kidney_stones", STONES, "percutaneous"),
                "the same",
            ),
            Row("effect", "0.0537", value_of(example, "kidney_stones", STONES), "the same"),
        ),
    ),
    Section(
        "Berkeley admissions",
        "Bickel et al. 1975: 4,526 applicants to the six largest departments. The published standardisation weights "
        "departments by all applicants; a natural direct effect weights them by the applications of one sex and is "
        "another number.",
        (
            Row(
                "men admitted",
                "0.4452",
                mean_under("berkeley_admissions", ADMISSION, "male"),
                "`Study(...).estimate()`",
            ),
            Row(
                "women admitted",
                "0.3035",
                mean_under("berkeley_admissions", ADMISSION, "female"),
                "the same",
            ),
            Row(
                "men minus women, standardised over department",
                "-0.0426",
                value_of(example, "berkeley_admissions", ADMISSION, DEPARTMENT_FIRST),
                "department taken as a common cause",
            ),
        ),
    ),
    Section(
        "RAND Health Insurance Experiment: published means beside those of the file",
        "Manning et al. 1987, visits a person-year (recalled), beside the file that statsmodels ships, which is a "
        "subset of the experiment with its own means. They are shown, not tested: neither is tuned to the other.",
        tuple(
            Row(
                plan,
                published,
                partial(visits, plan),
                "mean of `visits`",
                agrees="shown",
                differs="another sample",
            )
            for plan, published in (
                ("free", "4.55"),
                ("25%", "3.33"),
                ("50%", "3.03"),
                ("95%", "2.73"),
                ("individual deductible", "3.02"),
            )
        ),
    ),
)
