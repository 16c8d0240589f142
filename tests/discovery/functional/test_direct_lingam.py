"""DirectLiNGAM: limits, laws, outside numbers, knowledge, and what it says where it cannot know."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_models import NOISES, five, found_weights, observed, random_weights, rows_of
from scipy import stats

from aitia.core import AssumptionKey, Status
from aitia.discovery import (
    AdaptiveLasso,
    DirectLiNGAM,
    DiscoveryError,
    ICALiNGAM,
    KernelMutualInformation,
    Knowledge,
    Observations,
    Wald,
)
from aitia.discovery.functional._entropy import GAMMA, GAUSSIAN, K1, K2, first, residual_entropies
from aitia.discovery.functional._kernel import gaussian_factor, kernel_information
from aitia.discovery.functional._order import OrderLimits


def respects(order: tuple[str, ...], names: tuple[str, ...], weights: np.ndarray) -> bool:
    place = {name: i for i, name in enumerate(order)}
    return all(place[names[i]] < place[names[j]] for i, j in zip(*np.nonzero(weights)))


@pytest.mark.parametrize("algorithm", [DirectLiNGAM(), ICALiNGAM()], ids=["direct", "ica"])
@pytest.mark.parametrize("seed", range(6))
def test_large_samples_give_the_true_graph(algorithm, seed: int):
    rng = np.random.default_rng(seed)
    weights = random_weights(6, rng)
    noise = list(NOISES.values())[seed % 3](rng, (20_000, 6))
    data = observed(rows_of(weights, noise))
    found = algorithm.run(data)
    assert respects(found.order, data.names, weights)
    made = found_weights(found, data.names)
    assert ((made != 0) == (weights != 0)).all()
    # A slope has a standard error of at most sd(effect noise) / (sd(cause noise) sqrt(n)) = 0.007; 15 edges, 5 errors.
    assert np.abs(made - weights).max() < 0.036


def plain_entropy(u: np.ndarray) -> float:
    """Hyvarinen's approximation, written out."""
    return (
        GAUSSIAN
        - K1 * (np.mean(np.log(np.cosh(u))) - GAMMA) ** 2
        - K2 * np.mean(u * np.exp(-(u**2) / 2)) ** 2
    )


def plain_root(values: np.ndarray, candidate: np.ndarray, reaches: np.ndarray) -> int:
    """The root by comparing every pair."""
    p = len(values)
    penalty = np.zeros(p)
    for i in range(p):
        for j in range(p):
            if i != j and reaches[j, i]:
                rho = np.mean(values[i] * values[j])
                left = np.sqrt(1 - rho**2)
                ratio = (
                    plain_entropy(values[j])
                    + plain_entropy((values[i] - rho * values[j]) / left)
                    - plain_entropy(values[i])
                    - plain_entropy((values[j] - rho * values[i]) / left)
                )
                penalty[i] += min(0.0, ratio) ** 2
    return int(np.argmin(np.where(candidate, penalty, np.inf)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 7))
def test_leaving_pairs_out_changes_nothing(seed: int, p: int):
    rng = np.random.default_rng(seed)
    values = rows_of(random_weights(p, rng), rng.exponential(size=(150, p))).T
    values = (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, keepdims=True)
    values = np.ascontiguousarray(values)
    reaches = (rng.random((p, p)) < 0.8) & ~np.eye(p, dtype=bool)
    candidate = rng.random(p) < 0.7
    candidate[rng.integers(p)] = True
    correlation = values @ values.T / values.shape[1]
    root, pairs = first(values, correlation, np.arange(p), candidate, reaches, np.zeros(p), np.zeros(p))
    assert root == plain_root(values, candidate, reaches)
    assert pairs <= p * (p - 1)


def test_compiled_entropy_is_the_formula():
    rng = np.random.default_rng(0)
    u = rng.standard_t(3, size=5000) * 3  # also far in the tails
    one, two = residual_entropies(u, u, 0.0, 1.0)
    assert one == pytest.approx(plain_entropy(u), rel=1e-9)
    assert two == one


def test_same_answer_as_lingam():
    # lingam 1.13.0: m = lingam.DirectLiNGAM(); m.fit(five()); m.causal_order_, m.adjacency_matrix_ (adaptive lasso)
    found = DirectLiNGAM(pruning=AdaptiveLasso()).run(observed(five(), "abcde"))
    assert found.order == ("a", "b", "c", "d", "e")
    expected = {
        "a -> b": 1.205282,
        "a -> c": -0.760611,
        "b -> d": 0.902002,
        "c -> d": 1.092893,
        "d -> e": -0.696891,
    }
    assert found.details["weights"] == pytest.approx(expected, abs=1e-6)


def test_kernel_measure_finds_the_same_order():
    found = DirectLiNGAM(KernelMutualInformation()).run(observed(five(), "abcde"))
    assert found.order == ("a", "b", "c", "d", "e")


def test_kernel_information_against_full_kernel_matrices():
    rng = np.random.default_rng(3)
    x = rng.normal(size=120)
    y = x**2 + 0.3 * rng.normal(size=120)
    n, ridge, width = 120, 0.02, 1.0
    centre = np.eye(n) - 1 / n
    grams = [centre @ np.exp(-((v[:, None] - v[None, :]) ** 2) / (2 * width**2)) @ centre for v in (x, y)]
    # Bach and Jordan (2002), equation 19: the regularised matrices themselves.
    shrunk = [np.linalg.solve(gram + n * ridge / 2 * np.eye(n), gram) for gram in grams]
    joint = np.eye(2 * n)
    joint[:n, n:], joint[n:, :n] = shrunk[0] @ shrunk[1], shrunk[1] @ shrunk[0]
    expected = -0.5 * np.log(np.linalg.det(joint))
    assert kernel_information(x, y, width, ridge) == pytest.approx(expected, rel=1e-3)
    factor = gaussian_factor(x, width, 1e-6)
    assert np.abs(centre @ factor @ factor.T @ centre - grams[0]).max() < 1e-5


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_units_signs_and_column_order_do_not_matter(seed: int):
    rng = np.random.default_rng(seed)
    values = rows_of(random_weights(4, rng), rng.exponential(size=(300, 4)))
    scale = np.exp(rng.uniform(-5, 5, size=4)) * rng.choice([-1, 1], size=4)
    names = np.array(["a", "b", "c", "d"])
    shuffle = rng.permutation(4)
    one = DirectLiNGAM().run(observed(values, list(names)))
    two = DirectLiNGAM().run(observed((values * scale)[:, shuffle], list(names[shuffle])))
    assert one.order == two.order
    size = dict(zip(names, scale))
    assert set(one.details["weights"]) == set(two.details["weights"])
    for edge, weight in one.details["weights"].items():
        cause, effect = edge.split(" -> ")
        assert two.details["weights"][edge] == pytest.approx(weight * size[effect] / size[cause], rel=1e-6)


def test_gaussian_data_are_flagged():
    rng = np.random.default_rng(0)
    a = rng.normal(size=2000)
    found = DirectLiNGAM().run({"a": a, "b": a + rng.normal(size=2000)})
    assert any("looks Gaussian" in each and "cannot be told" in each for each in found.warnings)
    assert found.assumptions[AssumptionKey.NON_GAUSSIAN_NOISE].status is Status.INCONCLUSIVE
    # Told by knowledge, nothing is left to be told.
    known = DirectLiNGAM().run({"a": a, "b": a + rng.normal(size=2000)}, Knowledge(tiers=[["a"], ["b"]]))
    assert not any("direction of a -> b" in each for each in known.warnings)


def test_hidden_causes_are_flagged_and_clean_data_are_not():
    rng = np.random.default_rng(1)
    hidden, e, f = rng.exponential(size=(3, 4000))
    found = DirectLiNGAM().run({"a": hidden + e, "b": 2 * hidden + f})
    assert any("still dependent" in each for each in found.warnings)
    assert found.assumptions[AssumptionKey.CAUSAL_SUFFICIENCY].status is Status.BROKEN
    clean = DirectLiNGAM().run({"a": e, "b": 2 * e + f})
    assert clean.warnings == ()
    assert clean.assumptions[AssumptionKey.CAUSAL_SUFFICIENCY].status is Status.SURVIVED
    assert clean.assumptions[AssumptionKey.NON_GAUSSIAN_NOISE].status is Status.SURVIVED


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_knowledge_is_honoured(seed: int):
    rng = np.random.default_rng(seed)
    p = 5
    values = rows_of(random_weights(p, rng), rng.exponential(size=(200, p)))
    names = tuple("abcde")
    order = rng.permutation(p)
    pairs = [(names[order[i]], names[order[j]]) for i in range(p) for j in range(i + 1, p)]
    chosen = rng.permutation(len(pairs))
    required = [pairs[i] for i in chosen[:2]]
    forbidden = [pair if rng.random() < 0.5 else pair[::-1] for pair in (pairs[i] for i in chosen[2:6])]
    tiers = [[names[i] for i in order[:2]], [names[i] for i in order[3:]]] if rng.random() < 0.5 else []
    known = Knowledge(tiers=tiers, required=required, forbidden=forbidden)
    for algorithm in (DirectLiNGAM(), DirectLiNGAM(pruning=AdaptiveLasso())):
        found = algorithm.run(observed(values, list(names)), known)
        edges = {(e.a, e.b) if str(e).startswith(f"{e.a} ->") else (e.b, e.a) for e in found.graph.edges}
        assert set(required) <= edges
        assert not any(known.forbids(*edge) for edge in edges)
        place = {name: i for i, name in enumerate(found.order)}
        assert all(place[a] < place[b] for a, b in edges)
        assert len(found.evidence) == p * (p - 1) // 2


def test_exogenous_variables_come_first():
    rng = np.random.default_rng(2)
    values = rows_of(random_weights(4, rng), rng.exponential(size=(300, 4)))
    for name in "abcd":
        found = DirectLiNGAM().run(observed(values, "abcd"), Knowledge(exogenous=[name]))
        assert found.order[0] == name
        assert not found.graph.parents(name)


def test_limits_follow_paths():
    limits = OrderLimits.of(Knowledge(required=[("a", "b"), ("b", "c")]), ["a", "b", "c"])
    assert not limits.allowed[2, 0] and limits.before[0, 2]


def test_p_values_of_absent_edges_are_uniform():
    # Independent columns: the p-value of each slope given the order.
    p_values = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        found = DirectLiNGAM().run(observed(rng.exponential(size=(200, 3)), "abc"))
        p_values.extend(each.p_value for each in found.evidence)
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_standard_errors_cover():
    hits, runs = 0, 200
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        a = rng.exponential(size=400)
        found = DirectLiNGAM().run({"a": 5 * a, "b": 0.2 * 5 * a + rng.exponential(size=400)})
        error = found.details["standard_errors"]["a -> b"]
        hits += abs(found.details["weights"]["a -> b"] - 0.2) < 1.96 * error
    # Binomial: 0.95 plus or minus three Monte-Carlo errors of 0.0154.
    assert 0.95 - 0.046 < hits / runs < 0.95 + 0.046


def test_false_edges_are_controlled():
    kept = tried = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        found = DirectLiNGAM(pruning=Wald(0.05, correct=False)).run(
            observed(rng.uniform(size=(200, 4)), "abcd")
        )
        kept += len(found.graph.edges)
        tried += 6
    assert abs(kept / tried - 0.05) < 3 * np.sqrt(0.05 * 0.95 / tried)


def test_bad_input_is_named():
    rng = np.random.default_rng(0)
    x, y = rng.exponential(size=(2, 100))
    with pytest.raises(DiscoveryError, match="categorical"):
        DirectLiNGAM().run({"x": x, "c": ["r", "g", "b", "g"] * 25})
    with pytest.raises(DiscoveryError, match="rows"):
        DirectLiNGAM().run({f"x{i}": rng.exponential(size=12) for i in range(15)})
    with pytest.raises(DiscoveryError, match="linear function of"):
        DirectLiNGAM().run({"x": x, "y": y, "z": x + y}, allow_determined=True)
    with pytest.raises(DiscoveryError, match="need"):
        DirectLiNGAM().run(Observations.of_covariance("ab", np.eye(2), 100))
    with pytest.raises(DiscoveryError, match="between 0 and 1"):
        Wald(1.5)


def test_what_has_no_place_is_said():
    rng = np.random.default_rng(0)
    a = rng.exponential(size=500)
    b = (rng.random(500) < 0.5).astype(float)
    found = DirectLiNGAM().run({"a": a, "b": b}, Knowledge(latent_pairs=[("a", "b")]))
    assert any("share an unmeasured cause" in each for each in found.warnings)
    assert any("b hold two values" in each for each in found.warnings)
