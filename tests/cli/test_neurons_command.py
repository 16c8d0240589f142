"""``aitia neurons`` as other programs and people call it."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from aitia.cli._main import run
from aitia.networks import Inventory, overlap_of, parse
from aitia.networks.firing import Above

NAMES = ["water", "boat", "blue (sky)", "sand", "NOT a bird", "sun"]

MODEL = """
import numpy as np
from sklearn.neural_network import MLPClassifier
from aitia.networks import Inventory

rng = np.random.default_rng(0)
inputs = (rng.random((300, 6)) < 0.5).astype(float)
labels = (inputs[:, 0] * (1 - inputs[:, 1])).astype(int)
classes = ("no", "yes")
model = MLPClassifier((5,), max_iter=200, tol=1e-2, random_state=0).fit(inputs, labels)
layer = "hidden 1"
concepts = Inventory.from_masks(inputs.T > 0, ["a", "b", "c", "d", "e", "f"])
"""


@pytest.fixture
def files(tmp_path):
    random = np.random.default_rng(0)
    masks = random.random((6, 500)) < 0.3
    planted = masks[0] & ~masks[1] | masks[2]
    activations = np.stack(
        [np.where(planted, 1.0, -1.0), random.normal(size=500), np.full(500, -1.0)], axis=1
    )
    np.savez(tmp_path / "activations.npz", activations=activations)
    np.savez(tmp_path / "concepts.npz", masks=masks, names=np.array(NAMES))
    return tmp_path


def asked(files, capsys, *options):
    code = run(
        [
            "neurons",
            str(files / "activations.npz"),
            "--concepts",
            str(files / "concepts.npz"),
            *options,
            "--json",
        ]
    )
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("search", [("exact",), ("beam", "--beam", "10")])
def test_the_shape_that_other_tools_read(files, capsys, search):
    code, found = asked(files, capsys, "--length", "3", "--search", *search)
    assert code == 0
    assert [each["unit"] for each in found] == [0, 1, 2]
    for each in found:
        assert list(each) == ["unit", "formula", "score", "certified", "gap", "null_p", "seconds"]
    known, noise, silent = found
    assert known["null_p"] == 0.01
    if search == ("exact",):
        assert known["score"] == 1.0 and known["certified"] and known["gap"] == 0
    else:  # the published beam stays with "blue (sky) OR water"
        assert 0.8 < known["score"] < 1 and not known["certified"] and known["gap"] == 1 - known["score"]
    assert noise["score"] < 0.8 and noise["null_p"] > 0.01
    assert silent["formula"] == "FALSE" and silent["score"] == 0 and silent["null_p"] is None
    # What is printed reads back as the formula that was scored.
    held = np.load(files / "concepts.npz")
    inventory = Inventory.from_masks(held["masks"], NAMES)
    from aitia.networks import Activations

    firing = Above(0.0).fire(Activations(np.load(files / "activations.npz")["activations"]))
    for place, each in enumerate(found[:2]):
        scored = overlap_of(parse(each["formula"], NAMES), inventory, firing)[place]
        assert scored.intersection_over_union == pytest.approx(each["score"], abs=1e-12)


def test_exact_is_at_least_beam_and_the_same_seed_gives_the_same(files, capsys):
    _, exact = asked(files, capsys, "--length", "2")
    _, beam = asked(files, capsys, "--length", "2", "--search", "beam", "--beam", "1")
    assert all(one["score"] >= other["score"] - 1e-12 for one, other in zip(exact, beam, strict=True))
    assert not beam[1]["certified"] and beam[1]["gap"] == pytest.approx(1 - beam[1]["score"])
    _, again = asked(files, capsys, "--length", "2")
    for one, other in zip(exact, again, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_thresholds_quantiles_units_and_the_null(files, capsys):
    _, found = asked(files, capsys, "--quantile", "0.1", "--units", "1", "--null", "0", "--length", "1")
    assert [each["unit"] for each in found] == [1] and found[0]["null_p"] is None
    _, above = asked(files, capsys, "--threshold", "2", "--units", "0-1", "--null", "19", "--length", "1")
    assert above[0]["formula"] == "FALSE" and above[1]["null_p"] >= 0.05


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        (["--search", "exat"], "OptionError", "'exat' is no search"),
        (["--beam", "5"], "OptionError", "--beam is for --search beam"),
        (["--threshold", "0", "--quantile", "0.1"], "OptionError", "both say where a unit fires"),
        (["--units", "x"], "OptionError", "'x' is no unit"),
        (["--units", "17"], "ActivationError", "no unit 17"),
        (["--units", "2-1"], "OptionError", "'2-1' goes backwards"),
        (["--units", "0-99999999999"], "OptionError", "more units than a layer has"),
        (["--layer", "fc"], "OptionError", "--layer is for a model"),
        (["--length", "0"], "UsageError", "length"),
    ],
)
def test_bad_options_are_named(files, capsys, options, kind, said):
    code, answer = asked(files, capsys, *options)
    assert code == 2
    assert answer["error"]["type"] == kind and said in answer["error"]["problem"]


@pytest.mark.parametrize("option", ["--inputs", "--concepts"])
def test_a_network_that_ships_takes_no_files(files, capsys, option):
    assert run(["neurons", "digits", option, str(files / "concepts.npz"), "--json"]) == 2
    said = json.loads(capsys.readouterr().out)["error"]["problem"]
    assert said == f"{option} is for a model of your own; digits brings its own."


def test_bad_files_are_named(files, capsys):
    def problem(activations, concepts):
        assert run(["neurons", str(activations), "--concepts", str(concepts), "--json"]) == 2
        return json.loads(capsys.readouterr().out)["error"]["problem"]

    good, concepts = files / "activations.npz", files / "concepts.npz"
    assert "There is no file" in problem(files / "nothing.npz", concepts)
    assert "no array 'masks'" in problem(good, good)
    np.savez(files / "objects.npz", masks=np.ones((1, 500), bool), names=np.array(["a"], dtype=object))
    assert "holds Python objects" in problem(good, files / "objects.npz")
    np.savez(files / "short.npz", masks=np.ones((1, 499), bool), names=np.array(["a"]))
    assert "500 inputs" in problem(good, files / "short.npz")
    np.savez(files / "turned.npz", masks=np.ones((500, 2), bool), names=np.array(["a", "b"]))
    assert "for 2 names" in problem(good, files / "turned.npz")
    np.savez(files / "empty.npz", masks=np.zeros((2, 500), bool), names=np.array(["a", "b"]))
    assert "None of 2 concepts" in problem(good, files / "empty.npz")
    np.savez(files / "none.npz", masks=np.zeros((0, 500), bool), names=np.array([], dtype=str))
    assert "There are no concepts" in problem(good, files / "none.npz")
    np.savez(files / "numbers.npz", masks=np.full((1, 500), 0.5), names=np.array(["a"]))
    assert "values other than 0 and 1" in problem(good, files / "numbers.npz")
    values = np.ones((500, 1))
    values[7] = np.nan
    np.savez(files / "nan.npz", activations=values)
    assert "unit 0 at input 7 is nan" in problem(files / "nan.npz", concepts)
    (files / "text.npz").write_text("no archive")
    assert "cannot be read" in problem(files / "text.npz", concepts)


ARRAYS = {
    "activations": np.ones((4, 2, 3)),
    "masks": np.eye(4, dtype=bool)[:2, :, None].repeat(3, axis=2),
    "names": np.array(["a", "b"]),
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": np.array([b"a", b"\xff"])}, "is no text in UTF-8"),
        ({"units": np.array(["x", "y"])}, "'units' in FILE must hold whole numbers"),
        ({"units": np.array([1.5, 2])}, "'units' in FILE must hold whole numbers"),
        ({"units": np.array([[1, 2]])}, "'units' in FILE must hold whole numbers"),
        ({"units": np.array(1)}, "'units' in FILE must hold whole numbers"),
        ({"units": np.array([], dtype=int)}, "'units' in FILE must hold whole numbers"),
        ({"units": np.array([3, 3])}, "Two units have the number 3"),
        ({"lengths": np.array([1.5, 2, 3, 3])}, "'lengths' in FILE must hold whole numbers"),
        ({"lengths": np.array([np.nan, 2, 3, 3])}, "'lengths' in FILE must hold whole numbers"),
        ({"lengths": np.array(["1", "2", "3", "3"])}, "'lengths' in FILE must hold whole numbers"),
        ({"masks": np.ones((2, 4), dtype=object)}, "'masks' in FILE holds Python objects"),
    ],
)
def test_arrays_that_cannot_be_what_they_should_are_named(tmp_path, capsys, change, said):
    path = tmp_path / "arrays.npz"
    np.savez(path, **{**ARRAYS, **change})
    assert run(["neurons", str(path), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert said.replace("FILE", str(path)) in error["problem"] and error["next_step"]


def test_files_that_were_cut_or_changed_are_named(tmp_path, capsys):
    def problem():
        assert run(["neurons", str(path), "--json"]) == 2
        return json.loads(capsys.readouterr().out)["error"]["problem"]

    path = tmp_path / "arrays.npz"
    np.savez(path, **ARRAYS)
    whole = path.read_bytes()
    at = whole.index(b"NUMPY") + 200  # among the first array's numbers
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    assert "'activations' in" in (said := problem()) and "cannot be read" in said
    path.write_bytes(whole[: len(whole) // 2])
    assert "cannot be read as a file of NumPy arrays" in problem()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("activations.npy", whole[whole.index(b"\x93NUMPY") :][:200])
    assert "'activations' in" in (said := problem()) and "cannot be read" in said
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("activations.npy", b"no array")
    assert "is no NumPy array" in problem()


@pytest.mark.parametrize("search", ["exact", "beam"])
@pytest.mark.parametrize("as_json", [True, False])
def test_ctrl_c_prints_what_was_found_and_says_so(files, capsys, monkeypatch, search, as_json):
    from aitia.networks.search import _beam

    grow = _beam._Group._grow

    def interrupted(group):
        if len(group.by_length) == 2:
            raise KeyboardInterrupt
        grow(group)

    monkeypatch.setattr(_beam._Group, "_grow", interrupted)
    page = files / "page.html"
    names = [str(files / f"{each}.npz") for each in ("activations", "concepts")]
    asked = ["neurons", names[0], "--concepts", names[1], "--search", search, "--out", str(page)]
    assert run([*asked, *(["--json"] if as_json else [])]) == 130
    out, err = capsys.readouterr()
    assert err == "" and "The search was stopped" in page.read_text()
    if not as_json:
        assert "The search was stopped: 3 of 3 units were begun" in " ".join(out.split())
        return
    found = json.loads(out)
    assert [each["unit"] for each in found] == [0, 1, 2] and found[0]["score"] > 0.4
    assert not found[0]["certified"] and found[0]["null_p"] is None


@pytest.mark.parametrize("where", ["scores", "worth"])
def test_ctrl_c_after_the_search_keeps_the_explanations(files, capsys, monkeypatch, where):
    """In the null, and in what else is tried for the page."""
    from aitia.cli import _neurons
    from aitia.networks import Exact

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(*((Exact, "scores") if where == "scores" else (_neurons, "_worth")), interrupted)
    page = files / "page.html"
    code, found = asked(files, capsys, "--out", str(page))
    assert code == 130 and len(found) == 3 and found[0]["score"] == 1 and found[0]["certified"]
    assert (found[0]["null_p"] is None) == (where == "scores")
    said = "The null was stopped" if where == "scores" else "Stopped while it was tried what breaks"
    assert said in page.read_text()


def test_what_time_did_not_allow_is_said(files, capsys):
    page = files / "page.html"
    code, _ = asked(files, capsys, "--seconds", "0", "--out", str(page))
    assert code == 0 and "for want of time" in page.read_text()


def test_a_model_gives_a_page(tmp_path, capsys):
    (tmp_path / "model.py").write_text(MODEL)
    page = tmp_path / "page.html"
    assert (
        run(["neurons", str(tmp_path / "model.py"), "--length", "2", "--null", "19", "--out", str(page)]) == 0
    )
    said = capsys.readouterr().out
    assert "5 units of hidden 1" in said and "Page written to" in said
    text = page.read_text()
    assert "<script" not in text and "intervention" in text and "permutation null" in text


def test_models_that_lack_something_are_named(tmp_path, capsys):
    def problem(text, *options):
        (tmp_path / "m.py").write_text(text)
        assert run(["neurons", str(tmp_path / "m.py"), "--json", *options]) == 2
        error = json.loads(capsys.readouterr().out)["error"]
        return f"{error['problem']} {error['next_step']}"

    assert "defines no model" in problem("modle = 1") and "Did you mean 'modle'" in problem("modle = 1")
    assert "No layer is named" in problem("model = 1")
    assert "defines no inputs" in problem("model = 1", "--layer", "fc")
    assert "defines no concepts" in problem("model = 1\ninputs = 2", "--layer", "fc")
    assert "line 2" in problem("model = 1\n1 / 0")
    assert "Did you mean 'hidden 1'" in problem(MODEL, "--layer", "hiden 1")


def grouped(folder):
    """Forty people of ten rows; concepts and units are each person's, and one unit has a formula."""
    random = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 10)
    masks, units = (np.repeat(random.random((count, 40)) < 0.4, 10, axis=1) for count in (6, 5))
    units[0] = masks[0] & ~masks[1]
    np.savez(folder / "concepts.npz", masks=masks, names=np.array(NAMES))
    np.savez(folder / "activations.npz", activations=np.where(units.T, 1.0, -1.0))
    np.save(folder / "person.npy", person)
    return person


def test_groups_come_by_option_or_beside_the_activations(tmp_path, capsys):
    person = grouped(tmp_path)

    def null_p(*options):
        return [each["null_p"] for each in asked(tmp_path, capsys, "--length", "2", *options)[1]]

    alone, together = null_p(), null_p("--groups", str(tmp_path / "person.npy"))
    assert alone == [0.01] * 5 and together[0] == 0.01 and sum(p <= 0.05 for p in together) < 3
    with np.load(tmp_path / "activations.npz") as held:
        activations = held["activations"]
    np.savez(tmp_path / "activations.npz", activations=activations, groups=person)
    assert null_p() == together
    # What is asked for goes before what lies beside.
    np.savez(tmp_path / "films.npz", groups=np.arange(400) // 200)
    assert null_p("--groups", str(tmp_path / "films.npz")) == [None] * 5


def test_groups_reach_every_trial_of_the_page(tmp_path, capsys):
    grouped(tmp_path)
    person, page = str(tmp_path / "person.npy"), tmp_path / "page.html"
    sources = [
        str(tmp_path / "activations.npz"),
        "--concepts",
        str(tmp_path / "concepts.npz"),
        "--length",
        "1",
    ]
    assert run(["neurons", *sources, "--groups", person, "--out", str(page)]) == 0
    assert "Inputs of a group were moved together." in " ".join(capsys.readouterr().out.split())
    assert "says nothing; it takes 6 or more" not in page.read_text()
    np.save(tmp_path / "few.npy", np.arange(400) // 80)
    few = ["--groups", str(tmp_path / "few.npy")]
    assert run(["neurons", *sources, *few, "--out", str(page)]) == 0
    assert "An interval over 5 groups says nothing; it takes 6 or more" in page.read_text()


def test_a_model_file_says_what_inputs_belong_together(tmp_path, capsys):
    path = tmp_path / "model.py"
    path.write_text(MODEL + "groups = np.arange(300) // 100\n")
    assert run(["neurons", str(path), "--length", "1", "--json"]) == 0
    assert {each["null_p"] for each in json.loads(capsys.readouterr().out)} == {None}


def test_bad_groups_are_named(files, capsys):
    np.save(files / "short.npy", np.arange(499))
    code, found = asked(files, capsys, "--groups", str(files / "short.npy"))
    assert code and "Expected a group for each of 500 inputs" in found["error"]["problem"]
    code, found = asked(files, capsys, "--groups", str(files / "concepts.npz"))
    assert code and "holds no array 'groups'" in found["error"]["problem"]
