"""The commands as other programs call them: fixed JSON shapes, exit codes, one object on standard output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aitia import __version__, examples
from aitia.cli._main import run

STONES = "size -> treatment; size -> success; treatment -> success"


@pytest.fixture(scope="session")
def stones(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The kidney stones as a CSV file, one row a patient."""
    path = tmp_path_factory.mktemp("stones") / "stones.csv"
    table = examples.load("kidney_stones").table()
    rows = table.head(table.n_rows).to_pylist()
    lines = [
        "treatment,size,success",
        *(f"{row['treatment']},{row['size']},{row['success']}" for row in rows),
    ]
    path.write_text("\n".join(lines))
    return str(path)


def effect(stones: str, *more: str) -> list[str]:
    basic = ["effect", stones, "--treatment", "treatment", "--outcome", "success", "--graph", STONES]
    return [*basic, *more]


def answered(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int = 0) -> dict:
    """Run a command, check its exit code and that standard output is one JSON object."""
    got = run(arguments)
    printed = capsys.readouterr()
    assert got == code, printed
    assert printed.out.count("\n") == 1 and printed.err == ""
    return json.loads(printed.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_the_fixed_shape_of_an_effect(stones: str, capsys: pytest.CaptureFixture[str]):
    held = answered(capsys, effect(stones, "--json", "--replicates", "20"))
    assert held["estimand"]["rule"] == "adjustment"
    assert held["estimand"]["adjustment"] == ["size"]
    estimate = held["estimate"]
    assert {type(estimate[key]) for key in ("value", "std_error", "seconds")} == {float}
    assert isinstance(estimate["method"], str) and estimate["method"]
    low, high = estimate["interval"]
    assert low < estimate["value"] < high
    assert held["assumptions"] and held["refutations"]
    for line in held["assumptions"]:
        assert isinstance(line["statement"], str) and isinstance(line["testable"], bool) and line["status"]
    for each in held["refutations"]:
        assert all(
            isinstance(each[key], str) for key in ("name", "attacks", "expected", "observed", "verdict")
        )
        assert each["verdict"] in ("survived", "broken", "inconclusive")
    assert [each["by"] for each in held["reversals"]] == ["size"]


def test_the_contrast_says_which_is_treated(stones: str, capsys: pytest.CaptureFixture[str]):
    one = answered(
        capsys,
        effect(
            stones, "--contrast", "open,percutaneous", "--json", "--no-refute", "--method", "stratification"
        ),
    )
    # Charig et al. 1986, standardised over the size of the stone.
    assert round(one["estimate"]["value"], 4) == 0.0537
    other = answered(
        capsys,
        effect(
            stones, "--contrast", "percutaneous,open", "--json", "--no-refute", "--method", "stratification"
        ),
    )
    assert other["estimate"]["value"] == pytest.approx(-one["estimate"]["value"], abs=1e-12)
    assert one["refutations"] == []


def test_the_same_seed_gives_the_same_answer(stones: str, capsys: pytest.CaptureFixture[str]):
    def without_seconds(value):
        if isinstance(value, dict):
            return {
                key: without_seconds(each) for key, each in value.items() if key not in ("seconds", "cost")
            }
        return [without_seconds(each) for each in value] if isinstance(value, list) else value

    runs = [answered(capsys, effect(stones, "--json", "--seed", "5", "--replicates", "20")) for _ in range(2)]
    assert without_seconds(runs[0]) == without_seconds(runs[1])
    assert runs[0]["seed"] == 5


def test_beside_and_report(stones: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report = tmp_path / "stones.html"
    more = ["--beside", "stratification", "--beside", "regression adjustment", "--report", str(report)]
    held = answered(capsys, effect(stones, "--json", "--no-refute", *more))
    assert held["report"] == str(report)
    assert held["beside"]
    page = report.read_text(encoding="utf-8")
    assert "Simpson" in page and "the association within its strata is the causal one" in page


def test_a_person_reads_tables(stones: str, capsys: pytest.CaptureFixture[str]):
    assert run(effect(stones, "--contrast", "open,percutaneous", "--replicates", "20")) == 0
    printed = capsys.readouterr().out
    for words in ("What is the effect of treatment on success?", "It stands on", "Tried", "Adjusting for"):
        assert words in printed
    assert max(map(len, printed.splitlines())) <= 100


@pytest.mark.parametrize("population", ["treated", "untreated", "size = 'small'"])
def test_populations(population: str, stones: str, capsys: pytest.CaptureFixture[str]):
    more = ["--contrast", "open,percutaneous", "--population", population, "--json", "--no-refute"]
    held = answered(capsys, effect(stones, *more, "--method", "regression adjustment"))
    # Within strata: small 81/87 - 234/270, large 192/263 - 55/80, weighted by the stratum's share of the population.
    small, large = 81 / 87 - 234 / 270, 192 / 263 - 55 / 80
    share = {"treated": 87 / 350, "untreated": 270 / 350}.get(population, 1.0)
    assert held["estimate"]["value"] == pytest.approx(share * small + (1 - share) * large, abs=1e-9)


def test_not_identified_is_an_answer_with_a_code_of_its_own(stones: str, capsys: pytest.CaptureFixture[str]):
    bow = [
        "effect",
        stones,
        "-t",
        "treatment",
        "-y",
        "success",
        "-g",
        "treatment -> success; treatment <-> success",
    ]
    held = answered(capsys, [*bow, "--json"], code=3)
    assert held["estimate"] is None and held["estimand"]["identified"] is False
    assert held["estimand"]["witness"] and held["estimand"]["suggestions"]
    assert run(bow) == 3
    assert "cannot tell the effect" in " ".join(capsys.readouterr().out.split())


def test_identify(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    graph = tmp_path / "graph.txt"
    graph.write_text("t -> m -> y; t <-> y")
    held = answered(
        capsys, ["identify", "--graph", str(graph), "--treatment", "t", "--outcome", "y", "--json"]
    )
    assert held["rule"] == held["estimand"]["rule"] == "front-door" and held["mediators"] == ["m"]
    held = answered(capsys, ["identify", "-g", "t -> y; t <-> y", "-t", "t", "-y", "y", "--json"], code=3)
    assert held["identified"] is False and held["witness"]
    assert run(["identify", "-g", STONES, "-t", "treatment", "-y", "success"]) == 0
    assert "Adjusting for   size" in capsys.readouterr().out


def test_check_graph(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    random = np.random.default_rng(0)
    a = random.normal(size=2000)
    b = a + random.normal(size=2000)
    c = a + b + random.normal(size=2000)
    path = tmp_path / "abc.csv"
    np.savetxt(path, np.column_stack([a, b, c]), delimiter=",", header="a,b,c", comments="")
    right, wrong = "a -> b; a -> c; b -> c", "a -> b -> c"
    assert answered(capsys, ["check-graph", right, "--json"])["graph"]["kind"] == "dag"
    held = answered(capsys, ["check-graph", wrong, str(path), "--json"])
    assert held["broken"] is True and held["independences"][0]["given"] == ["b"]
    answered(capsys, ["check-graph", wrong, str(path), "--json", "--strict"], code=4)
    answered(capsys, ["check-graph", right, str(path), "--json", "--strict"], code=0)
    assert run(["check-graph", wrong + "; q -> a", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "broken" in printed and "taken as not measured: q" in printed
    held = answered(capsys, ["check-graph", "a -> b -> a", "--json"], code=2)
    assert "a -> b -> a" in held["error"]["problem"]


def test_regress_and_describe(stones: str, capsys: pytest.CaptureFixture[str]):
    held = answered(capsys, ["regress", "success ~ size", stones, "--robust", "--json"])
    assert held
    assert run(["regress", "success ~ size", stones]) == 0
    assert "size" in capsys.readouterr().out
    held = answered(capsys, ["describe", stones, "--json"])
    assert [each["kind"] for each in held["columns"]] == ["binary", "binary", "binary"] and held[
        "rows"
    ] == 700
    held = answered(capsys, ["describe", stones, "--kind", "success=continuous", "--json"])
    assert held["columns"][2]["kind"] == "continuous"
    assert run(["describe", stones]) == 0
    assert "treatment" in capsys.readouterr().out


def test_the_examples(capsys: pytest.CaptureFixture[str]):
    held = answered(capsys, ["example", "--json"])
    assert "kidney_stones" in [each["name"] for each in held["examples"]]
    assert run(["example"]) == 0
    assert "kidney_stones" in capsys.readouterr().out
    held = answered(capsys, ["example", "kidney", "--json", "--no-refute"])
    low, high = held["estimate"]["interval"]
    assert low < examples.load("kidney_stones").answers["effect"].value < high
    held = answered(capsys, ["example", "kidny", "--json"], code=2)
    assert "kidney_stones" in held["error"]["next_step"]


@pytest.mark.parametrize("name", ["kidney_stones", "berkeley_admissions", "cholesterol", "rand_hie"])
def test_every_example_runs_to_a_report(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    if name == "rand_hie":
        pytest.importorskip("statsmodels")
    report = tmp_path / "report.html"
    # The refuters that the default estimator of a large example would be refitted for have tests of their own.
    quick = ["--no-refute"] if name == "rand_hie" else ["--replicates", "10"]
    held = answered(capsys, ["example", name, "--report", str(report), *quick, "--json"])
    assert held["estimate"]["value"] is not None
    assert examples.load(name).title in report.read_text(encoding="utf-8")


def test_a_study_file(stones: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    study = tmp_path / "STUDY.toml"
    study.write_text(
        f"""
        title = "Stones"
        data = "{stones}"
        graph = "{STONES}"
        report = "stones.html"
        [question]
        treatment = "treatment"
        outcome = "success"
        contrast = ["open", "percutaneous"]
        [estimate]
        method = "stratification"
        beside = ["regression adjustment"]
        level = 0.9
        [refute]
        refuters = ["placebo treatment", "E-value"]
        replicates = 12
        """
    )
    held = answered(capsys, ["run", str(study), "--json"])
    assert round(held["estimate"]["value"], 4) == 0.0537 and held["estimate"]["level"] == 0.9
    assert [each["name"] for each in held["refutations"]] == ["placebo treatment", "E-value"]
    assert (tmp_path / "stones.html").exists()
    study.write_text(study.read_text().replace('"E-value"', '"E-valu"'))
    held = answered(capsys, ["run", str(study), "--json"], code=2)
    assert (
        held["error"]["type"] == "StudyFileError" and "Did you mean 'e-value'?" in held["error"]["next_step"]
    )


def test_strict_tells_what_broke_by_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    random = np.random.default_rng(0)
    n = 3000
    z = random.normal(size=n)
    t = (random.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    y = t + z + random.normal(size=n)
    w = z + t + random.normal(size=n)  # the graph denies that t moves w
    path = tmp_path / "rows.csv"
    np.savetxt(path, np.column_stack([z, t, y, w]), delimiter=",", header="z,t,y,w", comments="")
    graph = "z -> t; z -> y; t -> y; z -> w"
    command = ["effect", str(path), "-t", "t", "-y", "y", "-g", graph, "--method", "regression-adjustment"]
    command += ["--replicates", "10", "--json"]
    held = answered(capsys, command)
    assert "broken" in [each["verdict"] for each in held["refutations"] if each["attacks"] == "graph"]
    assert {each["status"] for each in held["assumptions"] if each["key"] == "graph"} == {"broken"}
    answered(capsys, [*command, "--strict"], code=4)
    # Pointed at w, which t does move, a negative control says so; named, it is always among the refutations.
    held = answered(capsys, [*command, "--negative-control-outcome", "w"])
    [control] = [each for each in held["refutations"] if each["name"] == "negative control outcome"]
    assert control["verdict"] == "broken"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["efect"], "effect"),
        (["effect"], "DATA"),
        (["effect", "x.csv", "--treatmnt", "t"], "--treatmnt"),
        (["effect", "x.csv", "-t", "t", "-y", "y", "-g", "t -> y", "--replicates", "0"], "replicates"),
        (["describe", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_usage_and_input_errors_are_objects_too(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
):
    held = answered(capsys, [*arguments, "--json"], code=2)
    assert set(held) == {"error"} and set(held["error"]) == {"type", "problem", "next_step"}
    assert words in held["error"]["problem"]
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and words in printed.err


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--contrast", "open"], "has 1 values"),
        (["--contrast", "open,shut"], "shut"),
        (["--population", "everyone"], "no population"),
        (["--population", "sze = 'small'"], "sze"),
        (["--level", "95"], "not between 0 and 1"),
        (["--method", "regresion adjustment"], "no estimator"),
        (["--beside", "nearest"], "no estimator"),
        (["--missing", "drop"], "drop"),
        (["--kind", "size"], "no '='"),
        (["--kind", "sizes=categorical"], "sizes"),
        (["--kind", "size=colour"], "colour"),
        (["--weights", "wight"], "wight"),
        (["--clusters", "hous"], "hous"),
        (["--report", "/nowhere/report.html"], "could not be written"),
    ],
)
def test_every_option_names_its_mistake(
    more: list[str], problem: str, stones: str, capsys: pytest.CaptureFixture[str]
):
    code = 5 if "--report" in more else 2
    held = answered(capsys, effect(stones, "--no-refute", "--json", *more), code=code)
    assert problem in held["error"]["problem"], held
    assert held["error"]["next_step"]


def test_a_defect_is_told_as_one(
    stones: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from aitia.study import Study

    def broken(self: Study) -> Study:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Study, "identify", broken)
    held = answered(capsys, effect(stones, "--json"), code=1)
    assert (
        held["error"]["type"] == "InternalError" and "ZeroDivisionError: a defect" in held["error"]["problem"]
    )
    assert run(effect(stones)) == 1
    assert "Traceback" not in capsys.readouterr().err


def started(*arguments: str, code: str = "") -> subprocess.Popen[str]:
    program = f"{code}\nfrom aitia.cli import main\nmain({list(arguments)!r})"
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


# Short sleeps: an interrupt that comes just before a sleep waits until the sleep is over.
WAITING = """
import threading, time, weakref
import aitia.study

def wait():
    print("ready", flush=True)
    while True:
        time.sleep(0.01)

def swallowed():
    weakref.ref(type("Gone", (), {})(), lambda _: wait())
    threading.Event().wait()

def beside_a_thread():
    threading.Thread(target=time.sleep, args=(600,)).start()
    wait()

def importing():
    import slow_to_import
    wait()

def renamed():
    try:
        wait()
    except KeyboardInterrupt:
        raise RuntimeError("Query interrupted")
"""

SLOW_TO_IMPORT = """
import time
print("ready", flush=True)
for _ in range(100):
    time.sleep(0.01)
print("imported", flush=True)
"""


def interrupted(csv: str, where: str, as_json: bool) -> tuple[str, str]:
    """What a command writes that gets Ctrl-C where `where` says; it must end, and say so by its exit code."""
    (Path(csv).parent / "slow_to_import.py").write_text(SLOW_TO_IMPORT)
    code = f"import sys\nsys.path.append({str(Path(csv).parent)!r})\n{WAITING}"
    code += f"\naitia.study.Study.identify = lambda self: {where}()"
    process = started(*effect(csv), *(["--json"] if as_json else []), code=code)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, err
    return out, err


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("where", ["wait", "swallowed", "beside_a_thread", "importing", "renamed"])
@pytest.mark.parametrize("as_json", [True, False])
def test_ctrl_c_stops_cleanly(as_json: bool, where: str, stones: str):
    """Also inside a callback, where Python forgets it, beside a thread that never ends, once an import is done, and
    where a library makes another error of it, as DuckDB does."""
    out, err = interrupted(stones, where, as_json)
    assert "Traceback" not in err
    assert ("imported" in out) == (where == "importing")
    written = out.removeprefix("imported\n").removeprefix("ready\n")
    assert json.loads(written)["error"]["type"] == "Interrupted" if as_json else "Stopped" in err


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_ctrl_c_after_the_answer_changes_nothing():
    code = """
import atexit, time

def late():
    print("ready", flush=True)
    time.sleep(1)

atexit.register(late)
"""
    process = started("example", code=code)
    try:
        assert process.stdout is not None
        while process.stdout.readline() != "ready\n":
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0 and err == ""


def test_the_program_prints_one_object_and_no_bar(stones: str):
    process = started(*effect(stones, "--json", "--replicates", "10"))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and err == ""
    assert json.loads(out)["estimate"]


def test_version_and_help(capsys: pytest.CaptureFixture[str]):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"aitia {__version__}\n"
    assert run(["--help"]) == 0
    assert "check-graph" in capsys.readouterr().out


def test_help_starts_fast():
    """Nothing heavy is loaded for --help: that is what keeps it fast, and it does not depend on the machine."""
    heavy = ["numpy", "pandas", "pyarrow", "duckdb", "scipy", "sklearn", "matplotlib", "numba"]
    code = (
        "import sys\nfrom aitia.cli._main import run\nrun(['--help'])\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
