"""A study whose graph is found in the data: one answer where the class agrees, a set where it does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aitia import Effect, Study, examples
from aitia.cli._main import run
from aitia.core import AssumptionKey, Status
from aitia.discovery import (
    GIN,
    PC,
    PCMCI,
    DiscoveryError,
    FactorClusters,
    FisherZ,
    GaussianBIC,
    Knowledge,
    PCMCIPlus,
    VARLiNGAM,
)
from aitia.graphs import Graph, GraphKind, completed
from aitia.identification import ControlledDirect, Interventional, NaturalDirect, NotIdentified
from aitia.refutation import EValue, GraphFalsification, RandomCommonCause
from aitia.study import NotYet

COFFEE = examples.load("coffee_and_sleep")
QUESTION = Effect("coffee", "sleep")
TRUTH, RAW = (COFFEE.answers[key].value for key in ("effect", "raw"))
SACHS = Path(__file__).parents[1] / ".." / "shared" / "data" / "discovery" / "sachs"


def coffee(**more) -> Study:
    return Study(COFFEE.table(), QUESTION, discover=PC(FisherZ()), **more)


@pytest.fixture(scope="module")
def found() -> Study:
    return coffee().find_graph(replicates=40)


@pytest.fixture(scope="module")
def answered(found: Study) -> Study:
    return found.estimate("regression-adjustment")


def test_the_class_of_the_true_graph_is_found(found: Study):
    assert found.graph == completed(Graph.parse(COFFEE.graph))
    assert found.discovery is not None and found.discovery.graph is found.graph
    assert found.stability is not None and len(found.stability.graphs) == 40


def test_where_the_class_disagrees_there_is_a_value_for_each_possibility(answered: Study):
    assert isinstance(answered.identification, NotIdentified)
    assert answered.possible is not None and len(answered.possible) == 2
    effects = answered.effects
    assert effects is not None
    by_words = {each.possible.words: each for each in effects.members}
    for words, value in (("workload -> coffee", TRUTH), ("coffee -> workload", RAW)):
        member = by_words[words]
        assert member.value is not None and member.std_error
        assert abs(member.value - value) < 3.5 * member.std_error
    assert effects.interval[0] < TRUTH < effects.interval[1]
    assert str(effects.deciding_edge and effects.deciding_edge.edge) == "coffee -- workload"
    assert effects.deciding_edge is not None and effects.deciding_edge.worst == 0
    assert "depending on which graph of the class is true" in answered.answer
    assert "Settle coffee -- workload first" in answered.answer


def test_shares_come_from_the_bootstrap(answered: Study):
    effects, stability = answered.effects, answered.stability
    assert effects is not None and stability is not None
    shares = {each.possible.words: each.weight for each in effects.members}
    assert sum(shares.values()) == pytest.approx(1)
    # Three DAGs share this class and two of them have workload -> coffee; a replicate with another class would move it.
    same = sum(graph == answered.graph for graph in stability.graphs)
    assert same / len(stability.graphs) > 0.8
    assert shares["workload -> coffee"] == pytest.approx(2 / 3, abs=0.2)


def test_a_set_without_replicates_takes_the_shares_of_the_class():
    study = coffee().find_graph(replicates=0).estimate("regression-adjustment")
    assert study.stability is None and study.effects is not None
    assert sorted(each.weight for each in study.effects.members) == pytest.approx([1 / 3, 2 / 3])


def test_each_answer_of_a_set_is_attacked(answered: Study):
    study = answered.refute((EValue(), GraphFalsification(), RandomCommonCause(replicates=5)))
    names = [each.name for each in study.refutations]
    assert sum(name.startswith("E-value (if ") for name in names) == 2
    assert {name.split(" (if ")[1] for name in names} == {"workload -> coffee)", "coffee -> workload)"}
    # The rows that found a graph cannot speak against it.
    assert not any(each.attempted for each in study.refutations if each.name.startswith("graph"))
    lines = [line for line in study.ledger if line.key is AssumptionKey.NO_UNMEASURED_CONFOUNDING]
    assert lines and all(line.status is Status.BOUNDED for line in lines)


def test_the_ledger_says_each_thing_once(answered: Study):
    statements = [line.statement for line in answered.ledger]
    assert len(statements) == len(set(statements))
    keys = [line.key for line in answered.ledger]
    assert keys.count(AssumptionKey.GRAPH) == 1 and keys.count(AssumptionKey.INDEPENDENT_ROWS) == 1
    assert AssumptionKey.FAITHFULNESS in keys
    graph = answered.ledger[AssumptionKey.GRAPH]
    assert "found in the same rows" in graph.statement and graph.evidence


def test_knowledge_that_settles_the_edge_leaves_one_answer():
    known = Knowledge(required=[("workload", "coffee")])
    study = coffee(knowledge=known).find_graph(replicates=10).estimate("regression-adjustment")
    assert study.effects is None and study.graph.kind in (GraphKind.MPDAG, GraphKind.DAG)
    assert abs(study.result.value - TRUTH) < 3.5 * study.result.std_error
    assert AssumptionKey.FAITHFULNESS in [line.key for line in study.ledger]
    assert study.discovery is not None and study.discovery.knowledge == known


def test_a_class_may_be_given_as_the_graph():
    given = Study(COFFEE.table(), QUESTION, completed(Graph.parse(COFFEE.graph)))
    study = given.estimate("regression-adjustment")
    assert study.discovery is None and study.effects is not None
    assert len(study.effects.members) == 2


def test_the_columns_may_be_chosen():
    study = coffee().find_graph(columns=["coffee", "sleep", "workload"], replicates=0)
    assert set(study.graph.nodes) == {"coffee", "sleep", "workload"}


def test_a_study_with_neither_graph_nor_algorithm_says_what_is_missing():
    with pytest.raises(NotYet, match="does not say how to find one") as caught:
        Study(COFFEE.table(), QUESTION).identify()
    assert "discover=BOSS()" in caught.value.next_step
    with pytest.raises(NotYet, match="has a graph, and yet discover="):
        Study(COFFEE.table(), QUESTION, COFFEE.graph, discover=PC())
    with pytest.raises(NotYet, match="has a graph already"):
        Study(COFFEE.table(), QUESTION, COFFEE.graph).find_graph()


def test_steps_and_seeds(found: Study):
    start = coffee(seed=3)
    one, two = (start.find_graph(replicates=10).estimate("regression-adjustment") for _ in range(2))
    assert start.graph is None and start.discovery is None
    assert one.effects is not None and two.effects is not None
    assert np.array_equal(one.effects.values, two.effects.values)
    assert np.array_equal(one.effects.weights, two.effects.weights)


def test_the_page_and_the_plain_data(answered: Study, tmp_path: Path):
    page = tmp_path / "coffee.html"
    answered.report(page)
    text = page.read_text(encoding="utf-8")
    for wanted in ("What each graph of the class answers", "How the graph was found", "Settle this first"):
        assert wanted in text
    assert "Why these data cannot say" not in text
    held = json.loads(json.dumps(answered.to_dict(), allow_nan=False))
    assert len(held["effects"]["members"]) == 2
    assert held["effects"]["deciding_edge"]["edge"] == "coffee -- workload"
    assert held["discovery"]["graph"]["kind"] == "cpdag"
    assert held["stability"] is not None and held["estimate"] is None


# The command line


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("coffee") / "coffee.csv"
    table = COFFEE.table()
    table.head(table.n_rows).to_pandas().to_csv(path, index=False)
    return str(path)


def test_aitia_effect_finds_the_graph(file: str, capsys: pytest.CaptureFixture[str]):
    asked = ["effect", file, "-t", "coffee", "-y", "sleep", "--discover", "pc", "--no-refute", "--json"]
    assert run(asked) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["effects"]["minimum"] == pytest.approx(RAW, abs=0.05)
    assert held["effects"]["maximum"] == pytest.approx(TRUTH, abs=0.05)


@pytest.mark.parametrize("more", [[], ["--graph", "coffee -> sleep", "--discover", "pc"]])
def test_aitia_effect_takes_a_graph_or_an_algorithm(
    file: str, more: list[str], capsys: pytest.CaptureFixture[str]
):
    assert run(["effect", file, "-t", "coffee", "-y", "sleep", *more]) == 2
    assert "--discover boss" in capsys.readouterr().err


def test_knowledge_beside_a_graph_is_not_passed_over(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    known = tmp_path / "known.toml"
    known.write_text('exogenous = ["coffee"]')
    asked = ["effect", file, "-t", "coffee", "-y", "sleep", "--graph", "coffee -> sleep"]
    assert run([*asked, "--knowledge", str(known)]) == 2
    assert "knowledge goes with --discover" in capsys.readouterr().err


@pytest.mark.parametrize("algorithm", [GIN(), FactorClusters(), PCMCI(), PCMCIPlus(), VARLiNGAM()])
def test_an_algorithm_without_edges_between_columns_answers_no_effect(algorithm):
    with pytest.raises(DiscoveryError, match="says nothing of the effect of one column on another"):
        Study(COFFEE.table(), QUESTION, discover=algorithm).identify()


@pytest.mark.parametrize(
    ("question", "columns", "words"),
    [
        (Effect("cofee", "sleep"), None, "no column of the data.*Did you mean 'coffee'"),
        (Effect("same", "sleep"), None, "'same', which does not vary"),
        (ControlledDirect("coffee", "sleep", ("same",), (1,)), None, "'same', which does not vary"),
        (Interventional(("coffee",), ("same",)), None, "'same', which does not vary"),
        (QUESTION, ["coffee", "stress"], "'sleep', which is not among the columns.*coffee, stress"),
    ],
)
def test_a_question_about_a_column_that_is_not_looked_at(question, columns, words: str):
    table = COFFEE.table()
    data = {**{name: table.head(200).to_pandas()[name] for name in table.names}, "same": [1] * 200}
    with pytest.raises(DiscoveryError, match=f"(?s){words}"):
        Study(data, question, discover=PC()).find_graph(columns, replicates=0)


def test_the_set_of_a_treatment_of_two_words_says_which_are_compared():
    random = np.random.default_rng(0)
    z = random.normal(size=400)
    t = np.where(z + random.normal(size=400) > 0, "yes", "no")
    y = (t == "yes") + z + random.normal(size=400)
    study = Study({"z": z, "t": t, "y": y}, Effect("t", "y"), "z -- t; z -- y; t -- y").estimate()
    assert study.effects is not None
    assert study.answer.startswith("Setting t to yes instead of no moves the mean of y by")


def test_a_report_comes_first(tmp_path: Path):
    page = tmp_path / "page.html"
    study = coffee().report(page)
    assert study.discovery is not None and "coffee" in page.read_text(encoding="utf-8")


def test_a_question_whose_possible_answers_are_not_listed_is_still_an_answer():
    question = NaturalDirect("coffee", "sleep", ("workload",))
    study = Study(COFFEE.table(), question, completed(Graph.parse(COFFEE.graph))).identify()
    assert isinstance(study.identification, NotIdentified) and study.possible is None


def test_one_value_beside_graphs_that_do_not_answer_is_no_range():
    x, y, z = np.random.default_rng(0).normal(size=(3, 300))
    study = Study({"x": x, "y": y, "z": z}, Effect("x", "y"), "x o-> y; z o-> y").estimate()
    assert study.answer.startswith(
        "Raising x by one unit moves the mean of y by 0 in each graph of the class that"
    )
    assert (
        study.effects is not None
        and "is 0 in each graph of the class that answers." in study.effects.sentence
    )


def test_a_study_file_without_a_graph(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "known.toml").write_text('required = [["workload", "coffee"]]\n')
    text = (
        f'data = "{file}"\n[question]\ntreatment = "coffee"\noutcome = "sleep"\n[refute]\nskip = true\n'
        '[discover]\nalgorithm = "pc"\nreplicates = 5\n'
    )
    study = tmp_path / "study.toml"
    study.write_text(text)
    assert run(["run", str(study), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["effects"]["members"]) == 2
    assert run(["run", str(study)]) == 0
    printed = capsys.readouterr().out
    assert "workload -> coffee" in printed and "Share" in printed
    study.write_text(text + 'knowledge = "known.toml"\n')
    assert run(["run", str(study), "--json"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["effects"] is None and held["estimate"]["value"] == pytest.approx(TRUTH, abs=0.05)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('[discover]\nalgorithm = "pc"\n', ""), "does not say 'graph'"),
        (("[question]", 'graph = "coffee -> sleep"\n[question]'), "stands beside a graph"),
        (('algorithm = "pc"', 'algorithm = "pcc"'), "There is no algorithm 'pcc'"),
        (('algorithm = "pc"', 'algorithms = "pc"'), "the key 'algorithms' in [discover] is unknown"),
        (('algorithm = "pc"', "replicates = -1"), "it has to be a whole number"),
    ],
)
def test_mistakes_in_a_study_file_without_a_graph(
    file: str,
    tmp_path: Path,
    change: tuple[str, str],
    words: str,
    capsys: pytest.CaptureFixture[str],
):
    text = f'data = "{file}"\n[question]\ntreatment = "coffee"\noutcome = "sleep"\n[discover]\nalgorithm = "pc"\n'
    assert change[0] in text
    study = tmp_path / "study.toml"
    study.write_text(text.replace(*change))
    assert run(["run", str(study)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.skipif(not SACHS.exists(), reason="the shared public files are not here")
def test_the_signalling_proteins_of_sachs_give_a_set():
    # raf and mek: MAPK signalling, where the experiments of Sachs et al. (2005) put raf before mek.
    data = np.loadtxt(SACHS / "sachs.2005.continuous.txt", skiprows=1)
    names = (SACHS / "sachs.2005.continuous.txt").read_text().split("\n", 1)[0].split()
    table = {name: np.log(data[:, i]) for i, name in enumerate(names)}
    study = Study(table, Effect("raf", "mek"), discover=PC(FisherZ(), alpha=1e-4)).find_graph(replicates=20)
    assert study.discovery is not None and study.discovery.between("raf", "mek").adjacent  # type: ignore[union-attr]
    study = study.estimate("regression-adjustment")
    if study.effects is None:
        assert study.result.value > 0
    else:
        assert study.effects.maximum > 0
        assert sum(each.weight for each in study.effects.members) == pytest.approx(1)


def test_a_score_in_place_of_tests_reaches_the_same_class(found: Study):
    from aitia.discovery import BOSS

    study = Study(COFFEE.table(), QUESTION, discover=BOSS(GaussianBIC())).find_graph(replicates=0)
    assert study.graph == found.graph


def test_one_formula_does_not_fit_several_adjustment_sets(found: Study):
    from dataclasses import replace

    with pytest.raises(NotYet, match="have 2 different answers"):
        replace(found, formula="~ workload").estimate("regression-adjustment")


def test_one_answer_under_a_found_graph_says_where_the_graph_came_from():
    known = Knowledge(required=[("workload", "coffee")])
    study = coffee(knowledge=known).find_graph(replicates=10).estimate("regression-adjustment")
    lines = [line for line in study.ledger if line.key is AssumptionKey.GRAPH]
    assert len(lines) == 1 and lines[0].status is Status.INCONCLUSIVE
    assert (
        "found in the same rows" in lines[0].evidence[0] and "10 bootstrap replicates" in lines[0].evidence[0]
    )


def test_a_new_estimate_of_a_set_leaves_no_attempts_against_the_old_one(answered: Study):
    refuted = answered.refute((EValue(),))
    assert refuted.refutations
    assert refuted.estimate("regression-adjustment").refutations == ()
