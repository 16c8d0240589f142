"""Write docs/methods.md: every estimator, refuter and discovery algorithm, from tables and docstrings of the library.

python tools/methods_page.py
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from aitia.discovery import Algorithm, algorithms
from aitia.estimation import Estimator, estimators
from aitia.identification import Rule
from aitia.refutation import Refuter, refuters

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "methods.md"

HEAD = """---
hide: [toc]
---

# Methods

Every estimator, every refuter and every discovery algorithm, with what it assumes or attacks and where it comes from.
`python tools/methods_page.py` makes this page from the classes and their docstrings.

## Estimators

The name is the one that `aitia effect --method NAME` and `study.estimate("NAME")` take; in Python the class with its
options is better: `study.estimate(AIPW(folds=10))`. Without a method the default is chosen and the answer says why.
"""

ATTACKS = """## Refuters

Each attacks one assumption. A p-value is uniform where the assumption holds; a margin says how far the answer is from
being overturned. Those that say *bounds* cannot test their assumption: they say how wrong it would have to be.
`study.refute()` makes all the attacks that apply; `study.refute([PlaceboTreatment(), EValue()])` makes just these.
"""


GRAPHS = """## Discovery algorithms

Each finds the graphs that data and knowledge leave open. The name is the one that `aitia discover --algorithm NAME`
takes; in Python the class with its options is better: `discover(data, PC(alpha=0.001))`.
[Which one to take](rooms/discovery.md#which-algorithm).
"""

FINDS = {
    "cpdag": "CPDAG (MPDAG with knowledge)",
    "mpdag": "MPDAG",
    "pag": "PAG",
    "dag": "DAG",
}


class NotDocumented(Exception):
    """A docstring lacks a part that the page shows."""


def prose(text: str) -> str:
    """One line, fit for a cell of a table."""
    return " ".join(text.replace("``", "`").split()).replace("|", r"\|")


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.rstrip(".")
    return text[:1].upper() + text[1:] + "."


def part(made: type, name: str) -> str:
    """The paragraph of a docstring that begins with a name and a colon.

    Raises:
        NotDocumented: there is none.
    """
    found = re.search(
        rf"^{name}:\s+(.*?)(?=\n\s*\n|\Z)", inspect.getdoc(made) or "", re.DOTALL | re.MULTILINE
    )
    if found is None:
        raise NotDocumented(f"The docstring of {made.__name__} has no paragraph that begins with {name!r}.")
    return prose(found[1])


def assumptions(made: type[Estimator]) -> str:
    """What an estimator assumes; where it says "as for another", what that one does."""
    text = part(made, "Assumptions")
    same = re.fullmatch(r"as for `(\w+)`\.", text)
    if same is None:
        return sentence(text)
    [other] = [each for each in estimators().values() if each.__name__ == same[1]]
    return f"As {other.name}: {assumptions(other)}"


def survivors(made: type[Refuter]) -> str:
    """The sentence that says what survivors do, without its subject."""
    found = re.search(r"\bSurvivors? (.*?\.)(?=\s|$)", prose(inspect.getdoc(made) or ""))
    if found is None:
        raise NotDocumented(f"The docstring of {made.__name__} does not say what survivors show.")
    return found[1]


def reported(made: type[Refuter]) -> str:
    """Its p-value or margin: the first sentence."""
    for name in ("p-value", "Margin"):
        try:
            text = part(made, name)
        except NotDocumented:
            continue
        bounds = "bounds, " if "only bounds it" in prose(inspect.getdoc(made) or "") else ""
        return f"*{bounds}{name.lower()}*: {re.split(r'(?<=[a-z)`])[.] (?=[(A-Z])', text)[0].rstrip('.')}."
    raise NotDocumented(f"The docstring of {made.__name__} has no p-value and no margin.")


def by_rule(made: type[Estimator]) -> str:
    """The rules whose estimands it estimates, in the order of the rules."""
    return ", ".join(rule.value for rule in Rule if rule in made.rules)


def of_kinds(made: type[Estimator]) -> str:
    """The kinds of treatment it takes."""
    return ", ".join(kind for kind in ("binary", "categorical", "continuous") if kind in made.treatments)


def named(name: str, made: type) -> str:
    """A name, and the class behind it with a link to its reference."""
    room = made.__module__.split(".")[1]
    return f"{name}<br>[`{made.__name__}`][aitia.{room}.{made.__name__}]"


def found_by(made: type[Algorithm]) -> str:
    """The kind of graph an algorithm finds."""
    return FINDS[made.output.value]


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """The lines of a table."""
    return [f"| {' | '.join(each)} |" for each in (heads, ("---",) * len(heads), *rows)]


def page() -> str:
    """The page."""
    made = [
        (
            named(f"`{name}`", each),
            by_rule(each),
            of_kinds(each),
            assumptions(each),
            prose(each.reference),
        )
        for name, each in estimators().items()
    ]
    attacks = [
        (named(name, each), each.attacks.value, survivors(each), reported(each), prose(each.reference))
        for name, each in refuters().items()
    ]
    graphs = [
        (
            named(f"`{name}`", each),
            found_by(each),
            sentence(part(each, "Assumptions")),
            prose(each.cost),
            prose(each.reference),
        )
        for name, each in algorithms().items()
    ]
    return "\n".join(
        [
            HEAD,
            *table(("estimator", "identified by", "treatments", "assumes", "reference"), made),
            "",
            ATTACKS,
            *table(("refuter", "attacks", "survivors", "reports", "reference"), attacks),
            "",
            GRAPHS,
            *table(("algorithm", "finds", "assumes", "cost", "reference"), graphs),
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
