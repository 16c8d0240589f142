"""What a user would otherwise call, each as that library's documentation shows it."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pandas as pd
from _generator import GRAPH, NAMES
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

FOLDS = 5
Answer = tuple[float, float]
"""Value and standard error."""


def learners(kind: str):
    """The outcome and the treatment model that every library is given."""
    if kind == "linear":
        return LinearRegression(), LogisticRegression()
    return HistGradientBoostingRegressor(random_state=0), HistGradientBoostingClassifier(random_state=0)


def statsmodels_regression(columns: dict[str, np.ndarray]) -> Answer:
    """Regression with treatment interactions about the covariate means, HC1 errors."""
    import statsmodels.api as sm

    x = np.column_stack([columns[name] for name in NAMES])
    x -= x.mean(0)
    t = columns["t"][:, None]
    fit = sm.OLS(columns["y"], np.hstack([np.ones_like(t), t, x, t * x])).fit(cov_type="HC1")
    return float(fit.params[1]), float(fit.bse[1])


def _dowhy(columns: dict[str, np.ndarray]):
    from dowhy import CausalModel

    logging.getLogger("dowhy").setLevel(logging.ERROR)
    frame = pd.DataFrame(columns)
    graph = "digraph { " + GRAPH + " }"
    model = CausalModel(data=frame, treatment="t", outcome="y", graph=graph)
    estimand = model.identify_effect(proceed_when_unidentifiable=True)
    return (
        model,
        estimand,
        model.estimate_effect(estimand, method_name="backdoor.linear_regression", test_significance=True),
    )


def dowhy_regression(columns: dict[str, np.ndarray]) -> Answer:
    """DoWhy's identify and backdoor.linear_regression."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimate = _dowhy(columns)[2]
        return float(estimate.value), float(np.ravel(estimate.get_standard_error())[0])


def dowhy_refuted(columns: dict[str, np.ndarray], replicates: int) -> Answer:
    """The same, and DoWhy's five replicate refuters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, estimand, estimate = _dowhy(columns)
        for refuter in (
            "placebo_treatment_refuter",
            "random_common_cause",
            "data_subset_refuter",
            "bootstrap_refuter",
            "dummy_outcome_refuter",
        ):
            model.refute_estimate(
                estimand, estimate, method_name=refuter, num_simulations=replicates, show_progress_bar=False
            )
        return float(estimate.value), float(np.ravel(estimate.get_standard_error())[0])


def _doubleml_data(columns: dict[str, np.ndarray]):
    import doubleml as dml

    x = np.column_stack([columns[name] for name in NAMES])
    return dml.DoubleMLData.from_arrays(x=x, y=columns["y"], d=columns["t"])


def doubleml_interactive(columns: dict[str, np.ndarray], kind: str) -> Answer:
    """DoubleML's interactive model (AIPW)."""
    import doubleml as dml

    outcome, treatment = learners(kind)
    fit = dml.DoubleMLIRM(_doubleml_data(columns), outcome, treatment, n_folds=FOLDS).fit()
    return float(fit.coef[0]), float(fit.se[0])


def doubleml_partially_linear(columns: dict[str, np.ndarray], kind: str) -> Answer:
    """DoubleML's partially linear model."""
    import doubleml as dml

    outcome, treatment = learners(kind)
    treatment = LinearRegression() if kind == "linear" else treatment
    fit = dml.DoubleMLPLR(_doubleml_data(columns), outcome, treatment, n_folds=FOLDS).fit()
    return float(fit.coef[0]), float(fit.se[0])


def econml_interactive(columns: dict[str, np.ndarray], kind: str) -> Answer:
    """EconML's doubly robust learner with a constant final model: the average effect."""
    from econml.dr import LinearDRLearner

    outcome, treatment = learners(kind)
    x = np.column_stack([columns[name] for name in NAMES])
    model = LinearDRLearner(model_regression=outcome, model_propensity=treatment, cv=FOLDS, random_state=0)
    model.fit(columns["y"], columns["t"], X=None, W=x)
    return float(model.intercept_(T=1)), float(model.intercept__inference(T=1).stderr)


def econml_partially_linear(columns: dict[str, np.ndarray], kind: str) -> Answer:
    """EconML's LinearDML with a constant effect."""
    from econml.dml import LinearDML

    outcome, treatment = learners(kind)
    x = np.column_stack([columns[name] for name in NAMES])
    model = LinearDML(model_y=outcome, model_t=treatment, discrete_treatment=True, cv=FOLDS, random_state=0)
    model.fit(columns["y"], columns["t"], X=None, W=x)
    return float(np.ravel(model.intercept_)[0]), float(np.ravel(model.intercept__inference().stderr)[0])
