"""Findings made by hand: what the report room is tested on, without any other room's statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from aitia.core import Assumption, AssumptionKey, Decision
from aitia.data import read
from aitia.estimation import Diagnostic, Estimate, Profile, RegressionAdjustment
from aitia.graphs import Graph
from aitia.identification import Contrast, Effect, Estimand, Expectation, NotIdentified, Rule, Symbol
from aitia.refutation import Refutation, Verdict
from aitia.report import Findings


def estimand_of(question: Any = None, adjustment: tuple[str, ...] = ("z",)) -> Estimand:
    question = question or Effect("t", "y", Contrast("open", "closed"))
    return Estimand(
        question,
        Rule.ADJUSTMENT,
        Expectation(question.outcome, tuple(Symbol(name) for name in (question.treatment, *adjustment))),
        adjustment=adjustment,
        assumptions=(
            Assumption(AssumptionKey.NO_UNMEASURED_CONFOUNDING, "Nothing unmeasured moves both.", False),
            Assumption(AssumptionKey.POSITIVITY, "Every row could have had either.", True),
        ),
        reason="It blocks every back-door path.",
    )


def estimate_of(
    value: float = 0.5, *, interval=(0.1, 0.9), question: Any = None, level: float = 0.95, **more: Any
) -> Estimate:
    return Estimate(
        value=value,
        std_error=0.2,
        interval=interval,
        level=level,
        method=more.pop("method", "regression adjustment"),
        estimator=RegressionAdjustment(),
        estimand=estimand_of(question),
        n=1234,
        **more,
    )


def refutation_of(
    verdict: Verdict = Verdict.SURVIVED, attacks: AssumptionKey = AssumptionKey.POSITIVITY, **more: Any
) -> Refutation:
    fields: dict[str, Any] = {
        "name": "an attempt",
        "tried": "Something was tried.",
        "expected": "nothing unusual",
        "observed": "0.1",
        "sentence": "It came out as it should.",
    }
    return Refutation(attacks=attacks, verdict=verdict, **{**fields, **more})


def findings_of(names: dict[str, str] | None = None, **more: Any) -> Findings:
    """Findings over columns t, y and z, renamed by `names`, with one of everything."""
    called = {"t": "t", "y": "y", "z": "z", **(names or {})}
    t, y, z = called["t"], called["y"], called["z"]
    question = Effect(t, y, Contrast("open", "closed"))
    random = np.random.default_rng(0)
    grid = np.linspace(0, 0.5, 9)
    fields: dict[str, Any] = {
        "question": question,
        "graph": Graph.build([t, y, z], directed=[(z, t), (z, y), (t, y)]),
        "table": read({t: ["open", "closed", "open"], y: [1.0, 2.0, 3.0], z: [1.0, 0.5, 0.2]}),
        "identification": estimand_of(question, (z,)),
        "estimate": estimate_of(
            question=question,
            profile=Profile((f"a {t}", "b", "c"), np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.1, 0.2])),
            diagnostics=(Diagnostic("overlap", 0.1, f"Look at {z}.", warning=True),),
            decisions=(Decision(f"dropped 2 rows with a missing {z}", "as asked"),),
            reason=f"It suits {y}.",
        ),
        "beside": (estimate_of(0.6, method=f"matching on {z}", question=question),),
        "refused": (("ipw", f"No overlap in {z}."),),
        "refutations": (
            refutation_of(
                details={
                    "edges": np.linspace(0, 1, 11),
                    "treated": np.arange(10),
                    "control": np.arange(10)[::-1],
                }
            ),
            refutation_of(name="balance", details={"names": [z], "before": [0.4], "after": [0.05]}),
            refutation_of(
                name="placebo", replicates=50, details={"values": random.normal(0, 0.1, 50), "expected": 0.0}
            ),
            refutation_of(
                name="leave one covariate out",
                details={
                    "names": (z, "w"),
                    "values": [0.4, 0.5],
                    "std_errors": [0.1, 0.1],
                    "changes": [0.1, 0.0],
                },
            ),
            refutation_of(
                name="sensitivity",
                attacks=AssumptionKey.NO_UNMEASURED_CONFOUNDING,
                bounds=True,
                margin=0.1,
                details={
                    "estimate": 0.5,
                    "benchmarks": [{"name": z, "times": 1, "r2_treatment": 0.1, "r2_outcome": 0.2}],
                    "contour": {
                        "r2_treatment": grid,
                        "r2_outcome": grid,
                        "adjusted_estimate": 0.5 - 2 * np.sqrt(np.outer(grid, grid)),
                    },
                },
            ),
        ),
        "seconds": {"identify": 0.01},
        "seed": 7,
    }
    return Findings(**{**fields, **more})


def refused() -> NotIdentified:
    return NotIdentified(
        Effect("t", "y"), None, "t and y share an unmeasured cause.", ("Measure it.", "Find an instrument.")
    )
