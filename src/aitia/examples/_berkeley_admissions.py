"""Graduate admissions at Berkeley, autumn 1973 (Bickel et al. 1975): the six largest departments."""

from __future__ import annotations

from aitia.data import Table
from aitia.examples._example import Answer, Example
from aitia.examples._expand import one_row_each

# Department to (men admitted, men rejected, women admitted, women rejected), as published and as in R's
# data set UCBAdmissions. Typed as facts.
_APPLICANTS = {
    "A": (512, 313, 89, 19),
    "B": (353, 207, 17, 8),
    "C": (120, 205, 202, 391),
    "D": (138, 279, 131, 244),
    "E": (53, 138, 94, 299),
    "F": (22, 351, 24, 317),
}


def _table() -> Table:
    counts = {}
    for department, (men_in, men_out, women_in, women_out) in _APPLICANTS.items():
        counts["male", department, 1] = men_in
        counts["male", department, 0] = men_out
        counts["female", department, 1] = women_in
        counts["female", department, 0] = women_out
    return one_row_each(("sex", "department", "admitted"), counts, "berkeley_admissions")


def _raw() -> float:
    men_in, men_out, women_in, women_out = (sum(each[i] for each in _APPLICANTS.values()) for i in range(4))
    return men_in / (men_in + men_out) - women_in / (women_in + women_out)


def _standardised() -> float:
    total = sum(map(sum, _APPLICANTS.values()))
    return sum(
        (mi + mo + wi + wo) / total * (mi / (mi + mo) - wi / (wi + wo))
        for mi, mo, wi, wo in _APPLICANTS.values()
    )


berkeley_admissions = Example(
    name="berkeley_admissions",
    title="Berkeley graduate admissions, 1973",
    question="Within departments, were men more likely to be admitted than women?",
    graph="sex -> department; sex -> admitted; department -> admitted",
    treatment="sex",
    outcome="admitted",
    contrast=("male", "female"),
    mediators=("department",),
    columns={
        "sex": "male or female",
        "department": "the department applied to, A to F",
        "admitted": "1: admitted, 0: rejected",
    },
    answers={
        "raw": Answer("admission rate of men minus that of women", _raw(), "Bickel et al. 1975, by count"),
        "effect": Answer(
            "the direct effect: the difference within departments, averaged over all applicants' departments",
            _standardised(),
            "standardisation of the counts of Bickel et al. 1975",
        ),
    },
    citation=(
        "P. J. Bickel, E. A. Hammel, J. W. O'Connell (1975). Sex bias in graduate admissions: data from Berkeley. "
        "Science 187, 398-404. Counts of the six largest departments."
    ),
    notes=(
        "Women applied to departments that admit few. The department lies on the way from sex to admission, so the raw "
        "difference (0.142) is the total effect and the difference within departments (-0.043) the direct one, if "
        "nothing unmeasured (an applicant's field or residence, say) moves both department and admission."
    ),
    _make=_table,
)
