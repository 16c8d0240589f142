"""``aitia query`` as other programs and people call it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from aitia.cli._main import run

TUTORING = str(Path(__file__).parents[2] / "examples" / "programs" / "tutoring.py")
JOE = ["--evidence", "X=0.5", "--evidence", "H=1", "--evidence", "Y=1.5"]

VISITS = """
import jax.numpy as jnp
import numpyro.distributions as dist
from aitia.programs import Program, parameter

def health():
    return dist.Normal(62, 11)

def plan(health):
    return dist.Bernoulli(logits=0.3 - 0.05 * (health - 60))

def visits(plan, health, *, base=parameter(dist.Normal(0, 2)), free=parameter(dist.Normal(0, 1))):
    return dist.Poisson(jnp.exp(base + free * plan - 0.025 * (health - 60)))

program = Program([health, plan, visits], levels={"plan": ["pay", "free"]})
"""

COINS = """
import numpyro.distributions as dist
from aitia.programs import Program

def coin():
    return dist.Bernoulli(0.5)

one = Program([coin])
two = Program([coin])
"""


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A program, and 2,000 rows that it makes with base = 0.4 and free = 0.5."""
    folder = tmp_path_factory.mktemp("visits")
    (folder / "visits.py").write_text(VISITS)
    random = np.random.default_rng(0)
    health = random.normal(62, 11, 2_000)
    free = random.random(2_000) < 1 / (1 + np.exp(-(0.3 - 0.05 * (health - 60))))
    count = random.poisson(np.exp(0.4 + 0.5 * free - 0.025 * (health - 60)))
    rows = [f"{h},{'free' if f else 'pay'},{c}" for h, f, c in zip(health, free, count)]
    (folder / "visits.csv").write_text("\n".join(["health,plan,visits", *rows]))
    return str(folder / "visits.py"), str(folder / "visits.csv")


def answered(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int = 0) -> dict:
    """Run a command, check its exit code and that standard output is one JSON object."""
    got = run(["query", *arguments, "--json"])
    printed = capsys.readouterr()
    assert got == code, printed
    assert printed.out.count("\n") == 1 and printed.err == ""
    return json.loads(printed.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_the_fixed_shape(capsys: pytest.CaptureFixture[str]):
    # Pearl, Glymour and Jewell 2016, section 4.2.3: 1.90.
    held = answered(capsys, [TUTORING, *JOE, "--do", "H=2", "--of", "Y"])
    assert held["rung"] == 3 and held["mean"] == pytest.approx(1.90, abs=1e-9)
    assert held["draws"]["median"] == pytest.approx(1.90, abs=1e-9)
    assert held["fit"]["status"] == "not fitted" and held["report"] is None


def test_given_is_for_the_first_two_rungs(capsys: pytest.CaptureFixture[str]):
    # E[Y | H=2] = 0.4 * 2 + 0.7 E[X | H=2], and E[X | H=2] = 0.5 * 2 / 1.25.
    held = answered(capsys, [TUTORING, "--given", "H=2", "--of", "Y"])
    assert held["rung"] == 1 and held["mean"] == pytest.approx(0.8 + 0.7 * 0.8, abs=1e-6)
    held = answered(capsys, [TUTORING, "--given", "X=0.5", "--do", "H=2", "--of", "Y"])
    assert held["rung"] == 2 and held["mean"] == pytest.approx(0.8 + 0.35, abs=1e-6)


@pytest.mark.parametrize(
    ("fact", "question"),
    [
        ("H>1", "H > 1"),
        ("H >= 1", "H >= 1"),
        ("H<-0.5", "H < -0.5"),
        ("H=-1..1", "-1 <= H <= 1"),
    ],
)
def test_facts_in_every_form(fact: str, question: str, capsys: pytest.CaptureFixture[str]):
    held = answered(capsys, [TUTORING, "--given", fact, "--of", "H", "--draws", "2000"])
    smallest, largest = held["draws"]["smallest"], held["draws"]["largest"]
    known = {">": (1, np.inf), "<": (-np.inf, -0.5), "=": (-1, 1)}[re.sub(r"[^<>=]", "", fact)[0]]
    assert known[0] <= smallest <= largest <= known[1], question


def test_a_contrast_from_data(visits: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    program, data = visits
    page = tmp_path / "page.html"
    arguments = [program, "--data", data, "--do", "plan=free", "--versus", "plan=pay", "--given", "health<60"]
    more = ["--engine", "laplace", "--of", "visits", "--draws", "50000", "--report", str(page)]
    held = answered(capsys, arguments + more)
    # exp(0.4) (exp(0.5) - 1) E[exp(-0.025 (health - 60)) | health < 60], the last by the normal law cut at 60.
    from scipy import stats

    shifted = np.exp(-0.025 * 2 + 0.5 * (0.025 * 11) ** 2)
    cut = stats.norm.cdf((60 - 62) / 11 + 0.025 * 11) / stats.norm.cdf((60 - 62) / 11)
    truth = np.exp(0.4) * np.expm1(0.5) * shifted * cut
    low, high = held["interval"]
    # The interval's half-width is two standard errors; four stand on each side.
    assert abs(held["mean"] - truth) < 2 * (high - low) / 2 and high - low < 0.5
    assert held["fit"]["n_rows"] == 2_000 and held["fit"]["engine"].startswith("Laplace")
    assert held["fit"]["status"] == "trusted" and held["fit"]["diagnostics"]
    text = page.read_text()
    for node in ("health", "plan", "visits"):
        assert re.search(rf'<h3>{node}: <span class="verdict survived">', text)
    assert "visits.base" in text
    assert text.count("<svg") == 5  # the answer, the graph, three checks


@pytest.mark.parametrize("engine", ["maximum-likelihood", "svi"])
def test_other_engines(engine: str, visits: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    program, data = visits
    asked = ["--engine", engine, "--do", "plan=pay", "--of", "visits", "--draws", "20000"]
    held = answered(capsys, [program, "--data", data, *asked])
    # E[exp(0.4 - 0.025 (health - 60))], a log-normal mean; its standard error over 2,000 rows is near 0.04.
    truth = np.exp(0.4 - 0.05 + 0.5 * (0.025 * 11) ** 2)
    assert held["rung"] == 2 and abs(held["mean"] - truth) < 0.2


def test_a_latent_node(visits: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    data = tmp_path / "without.csv"
    rows = [line.split(",") for line in Path(visits[1]).read_text().splitlines()[:201]]
    data.write_text("\n".join(",".join(row[:1] + row[2:]) for row in rows))
    asked = [visits[0], "--data", str(data), "--engine", "laplace", "--of", "visits", "--draws", "5000"]
    held = answered(capsys, [*asked, "--latent", "plan"])
    observed = np.mean([float(row[2]) for row in rows[1:]])
    assert abs(held["mean"] - observed) < 0.5  # four standard errors of a mean of 200 counts
    held = answered(capsys, asked, 2)
    assert "plan" in held["error"]["problem"] and "latent" in held["error"]["next_step"]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (["nowhere.py", "--of", "Y"], "UnreadableProgram", "no file 'nowhere.py'"),
        (["empty.py", "--of", "Y"], "UnreadableProgram", "defines no Program"),
        (["coins.py", "--of", "coin"], "OptionError", "coins.py:one"),
        (["coins.py:on", "--of", "coin"], "OptionError", "Did you mean 'one'"),
        (["broken.py", "--of", "Y"], "UnreadableProgram", "line 2"),
        (["raises.py", "--of", "Y"], "UnreadableProgram", "ZeroDivisionError"),
        ([TUTORING, "--of", "Z"], "QueryError", "'Z'"),
        ([TUTORING, "--of", "Y", "--do", "Hx=2"], "QueryError", "Did you mean 'H'"),
        ([TUTORING, "--of", "Y", "--do", "H"], "OptionError", "NODE=VALUE"),
        ([TUTORING, "--of", "Y", "--do", "H=1", "--do", "H=2"], "OptionError", "twice"),
        ([TUTORING, "--of", "Y", "--given", "H"], "OptionError", "NODE>VALUE"),
        ([TUTORING, "--of", "Y", "--given", "H>tall"], "OptionError", "'tall' is no number"),
        ([TUTORING, "--of", "Y", "--given", "H=tall"], "ImpossibleEvidence", "numbers"),
        ([TUTORING, "--of", "Y", "--engine", "nuts"], "OptionError", "Add --data"),
        ([TUTORING, "--of", "Y", "--latent", "X"], "OptionError", "Add --data"),
        (["visits.py", "--of", "visits", "--do", "plan=fre"], "QueryError", "Did you mean 'free'"),
        (["coins.py:one", "--of", "coin", "--evidence", "coin=2"], "ImpossibleEvidence", "0, 1"),
    ],
)
def test_what_is_wrong_is_named(
    arguments: list[str], kind: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("empty.py").write_text("X = 1\n")
    Path("coins.py").write_text(COINS)
    Path("visits.py").write_text(VISITS)
    Path("broken.py").write_text("x = 1\ndef f(:\n    pass\n")
    Path("raises.py").write_text("x = 1 / 0\n")
    held = answered(capsys, arguments, 2)
    assert held["error"]["type"] == kind, held
    assert words in held["error"]["problem"] + held["error"]["next_step"], held


def test_an_unknown_engine(visits: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    held = answered(capsys, [visits[0], "--data", visits[1], "--engine", "nutz", "--of", "visits"], 2)
    assert "Did you mean 'nuts'" in held["error"]["next_step"]


def test_what_a_person_sees(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", "100")
    page = tmp_path / "joe.html"
    assert run(["query", TUTORING, *JOE, "--do", "H=2", "--of", "Y", "--report", str(page)]) == 0
    printed = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "P(Y_{H=2} | X=0.5, H=1, Y=1.5)" in printed and "3, imagining" in printed and "1.9" in printed
    assert page.read_text().startswith("<!DOCTYPE html>")
