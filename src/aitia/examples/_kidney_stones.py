"""Kidney stones (Charig et al. 1986): the treatment that wins overall loses in either group."""

from __future__ import annotations

from aitia.data import Table
from aitia.examples._example import Answer, Example
from aitia.examples._expand import one_row_each

# Charig et al. 1986: (treatment, size) to successes and patients. Typed as facts.
_SUCCESSES = {
    ("open", "small"): (81, 87),
    ("open", "large"): (192, 263),
    ("percutaneous", "small"): (234, 270),
    ("percutaneous", "large"): (55, 80),
}


def _table() -> Table:
    counts = {}
    for (treatment, size), (successes, patients) in _SUCCESSES.items():
        counts[treatment, size, 1] = successes
        counts[treatment, size, 0] = patients - successes
    return one_row_each(("treatment", "size", "success"), counts, "kidney_stones")


kidney_stones = Example(
    name="kidney_stones",
    title="Kidney stones",
    question="Is open surgery more often successful than percutaneous removal of kidney stones?",
    graph="size -> treatment; size -> success; treatment -> success",
    treatment="treatment",
    outcome="success",
    contrast=("open", "percutaneous"),
    columns={
        "treatment": "open surgery, or percutaneous nephrolithotomy",
        "size": "small: below 2 cm; large: 2 cm and more",
        "success": "1: no stones, or fragments below 2 mm, after three months; else 0",
    },
    answers={
        "raw": Answer(
            "success rate under open surgery minus that under percutaneous removal, as observed",
            273 / 350 - 289 / 350,
            "Charig et al. 1986, by count",
        ),
        "effect": Answer(
            "the same difference, standardised over the size of the stones of all 700 patients",
            (357 * (81 / 87 - 234 / 270) + 343 * (192 / 263 - 55 / 80)) / 700,
            "the formula of adjustment over the counts of Charig et al. 1986",
        ),
    },
    citation=(
        "C. R. Charig, D. R. Webb, S. R. Payne, J. E. Wickham (1986). Comparison of treatment of renal calculi by open "
        "surgery, percutaneous nephrolithotomy, and extracorporeal shockwave lithotripsy. BMJ 292, 879-882."
    ),
    notes=(
        "Large stones are harder to treat and were mostly treated by open surgery: overall, open surgery looks worse "
        "(0.780 against 0.826), though it is better for small stones and for large ones. The groups were treated in "
        "different years; nothing but stone size is recorded."
    ),
    _make=_table,
)
