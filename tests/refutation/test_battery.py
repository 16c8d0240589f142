import dataclasses
import inspect

import numpy as np
import pytest
from worlds import adjusting, linear, study

from aitia.core import AssumptionKey
from aitia.estimation import AIPW, RegressionAdjustment, Sample, TreatmentKind
from aitia.graphs import Graph
from aitia.identification import TREATED, Effect, Estimand, Rule, identify
from aitia.refutation import Case, EValue, Refutation, Refuter, Verdict, battery, refuters


def test_the_table_of_refuters_is_complete_and_every_one_is_documented():
    import aitia.refutation as room

    classes = {each for _, each in inspect.getmembers(room, inspect.isclass) if issubclass(each, Refuter)} - {
        Refuter
    }
    assert set(refuters().values()) == classes
    for name, each in refuters().items():
        assert name == each.name and isinstance(each.attacks, AssumptionKey) and each.reference
        text = " ".join((each.__doc__ or "").split())
        for word in ("Attacks:", "Survivors", "annot notice", "Details:"):
            assert word in text, f"{name} does not say {word!r}"
        assert dataclasses.is_dataclass(each)
        for field in dataclasses.fields(each):
            assert f"{field.name}:" in text, f"{name} does not document {field.name}"


def everything(case, **options):
    found = battery(case, replicates=20, show_progress=False, **options)
    for each in found:
        assert isinstance(each, Refutation) and each.sentence and each.seconds >= 0
        assert each.p_value is None or 0 <= each.p_value <= 1
        assert each.name in repr(each) and "<table>" in each._repr_html_()
    return {each.name: each for each in found}


def test_a_sound_study_survives_the_whole_battery():
    found = everything(linear(np.random.default_rng(1), n=1000))
    assert not [each for each in found.values() if each.verdict is Verdict.BROKEN]
    assert "negative control outcome" not in found and len(found) >= 14


def test_refuters_that_do_not_apply_answer_only_when_named():
    case = linear(np.random.default_rng(1))
    named = battery(case, [kind() for kind in refuters().values()], show_progress=False)
    assert len(named) == len(refuters())
    silent = next(each for each in named if each.name == "negative control outcome")
    assert not silent.attempted and silent.verdict is Verdict.INCONCLUSIVE
    assert battery(case, [], show_progress=False) == ()


def test_doses():
    random = np.random.default_rng(2)
    x = random.normal(size=(600, 2))
    t = x[:, 0] + random.normal(size=600)
    found = everything(study(x, t, 0.5 * t + x[:, 0] + random.normal(size=600)))
    assert not [each for each in found.values() if each.verdict is Verdict.BROKEN]
    assert found["omitted-variable sensitivity"].details["form"] == "linear regression"


def test_categories_weights_clusters_and_other_populations():
    random = np.random.default_rng(3)
    n = 900
    x = random.normal(size=(n, 2))
    arms = random.integers(0, 3, n).astype(float)
    y = x[:, 0] + arms + random.normal(size=n)
    sample = Sample(
        y,
        arms,
        TreatmentKind.CATEGORICAL,
        treatment_levels=("x", "y", "z"),
        contrast=(2.0, 0.0),
        covariates=np.asfortranarray(x),
        covariate_names=("a", "b"),
        covariate_groups={"a": (0,), "b": (1,)},
        names=("t", "y"),
    )
    estimand = adjusting(("a", "b"))
    found = everything(Case(RegressionAdjustment().estimate(estimand, sample), sample))
    assert not [each for each in found.values() if each.verdict is Verdict.BROKEN]

    binary = linear(random, n=n).sample
    asked = adjusting(("a", "b", "c"), TREATED)
    for changes in ({"weights": random.random(n) + 0.5}, {"clusters": np.arange(n) // 9}, {}):
        varied = binary.replace(**changes)
        estimate = RegressionAdjustment().estimate(asked, varied)
        found = everything(Case(estimate, varied))
        assert not [each for each in found.values() if each.verdict is Verdict.BROKEN], changes


def test_cross_fitted_estimators():
    case = linear(np.random.default_rng(4), n=800, estimator=AIPW())
    found = everything(case)
    assert not [each for each in found.values() if each.verdict is Verdict.BROKEN]
    assert "full refits" in found["placebo treatment"].cost


def test_a_refuter_that_fails_on_purpose_does_not_hide_the_others():
    from aitia.core import AitiaError

    class Failing(EValue):
        name = "failing"

        def _refute(self, case, seed):
            raise AitiaError("No luck today.", "Try tomorrow.")

    case = linear(np.random.default_rng(5))
    found = battery(case, [Failing(), EValue()], show_progress=False)
    assert "No luck today." in found[0].sentence and found[1].attempted


def test_other_rules_are_answered_without_a_stack_trace():
    random = np.random.default_rng(6)
    n = 500
    z = (random.random(n) < 0.5).astype(float)
    u = random.normal(size=n)
    t = ((z + u + random.normal(size=n)) > 0.5).astype(float)
    sample = Sample(
        t + u + random.normal(size=n),
        t,
        TreatmentKind.BINARY,
        treatment_levels=(0, 1),
        instruments=z[:, None],
        instrument_names=("z",),
        names=("t", "y"),
    )
    from aitia.estimation import TwoStageLeastSquares

    estimand = identify(Graph.parse("z -> t; t -> y; t <-> y"), Effect("t", "y"))
    assert isinstance(estimand, Estimand) and estimand.rule is Rule.INSTRUMENT
    estimate = TwoStageLeastSquares().estimate(estimand, sample)
    found = everything(Case(estimate, sample))
    assert "random subset" in found and "placebo treatment" not in found


def test_hostile_names_are_escaped():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EValue, "name", "<script>alert(1)</script>")
        found = EValue().refute(linear(np.random.default_rng(7)))
        assert "<script>" not in found._repr_html_()
