"""Background knowledge in files: our TOML, and Tetrad's text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.discovery import Knowledge, KnowledgeError

SACHS = Path(__file__).parents[2] / ".." / "shared" / "data" / "discovery" / "sachs"


def written(folder: Path, text: str, name: str = "known.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@st.composite
def pieces(draw: st.DrawFn) -> Knowledge:
    names = draw(st.lists(NAMES, min_size=2, max_size=7, unique=True))
    cut = draw(st.integers(0, len(names)))
    later = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    some = st.lists(st.sampled_from(later), max_size=4, unique=True)
    required = draw(some)
    backward = [(b, a) for a, b in draw(some)]
    return Knowledge(
        tiers=[tier for tier in (names[:cut], names[cut:]) if tier] if draw(st.booleans()) else [],
        required=required,
        forbidden=backward,
        exogenous=names[:1] if draw(st.booleans()) else [],
        latent_pairs=draw(some),
    )


@settings(max_examples=80, deadline=None)
@given(pieces())
def test_what_is_written_reads_back(tmp_path_factory, known: Knowledge):
    path = written(tmp_path_factory.mktemp("known"), known.to_toml())
    assert Knowledge.read(path) == known
    assert Knowledge.of_mapping(known.to_dict()) == known


def test_apart_within_is_written_too(tmp_path: Path):
    known = Knowledge(tiers=[["a", "b"]], apart_within=True)
    assert Knowledge.read(written(tmp_path, known.to_toml())) == known
    assert Knowledge().to_toml() == "" and not Knowledge.read(written(tmp_path, ""))


@pytest.mark.parametrize(
    ("text", "problem", "step"),
    [
        ("# one\ntires = [['a']]", "line 2: the key 'tires' is unknown", "Did you mean 'tiers'?"),
        ("exogenous = ['a']\n[requiered]\nx = 1", "line 2: the key 'requiered' is unknown", "'required'"),
        ("tiers = ['a', 'b']", "line 1: the key 'tiers' holds the text 'a' in its list", "tiers = [["),
        (
            "required = [['a', 'b', 'c']]",
            "a list of 3 names where a pair belongs (a, b, c)",
            'required = [["dose"',
        ),
        ("required = [['a', 1]]", "a whole number where a name belongs", "Write required"),
        ("exogenous = 'a'", "holds the text 'a'; it has to be a list of names", "exogenous = ["),
        ("apart_within = 1", "holds a whole number; it has to be true or false", "apart_within = true"),
        ("tiers = [[a]]", "is not valid TOML", "/knowledge"),
        (
            "required = [['a', 'b']]\nforbidden = [['a', 'b']]",
            "a -> b is required, but a -> b is forbidden",
            "Drop",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, problem: str, step: str):
    with pytest.raises(KnowledgeError) as caught:
        Knowledge.read(written(tmp_path, text))
    assert problem in caught.value.problem and step in caught.value.next_step


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(KnowledgeError, match="could not be read: No such file"):
        Knowledge.read(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KnowledgeError, match="could not be read"):
        Knowledge.read(tmp_path / "bytes.toml")


TETRAD = """/knowledge
addtemporal
1 age sex
2* dose pain // no edges among these
3
4 death, sleep

forbiddirect
age  death

requiredirect
dose sleep
"""


def test_tetrads_format(tmp_path: Path):
    known = Knowledge.read(written(tmp_path, TETRAD, "known.txt"))
    assert known.tiers == (("age", "sex"), ("dose", "pain"), ("death", "sleep"))
    assert known.required == (("dose", "sleep"),)
    assert set(known.forbidden) == {("age", "death"), ("dose", "pain"), ("pain", "dose")}
    assert not known.apart_within and not known.forbids("age", "sex") and known.forbids("sleep", "dose")
    every = Knowledge.read(written(tmp_path, "/knowledge\naddtemporal\n1* a b\n2* c d\n"))
    assert every == Knowledge(tiers=[["a", "b"], ["c", "d"]], apart_within=True)


@pytest.mark.parametrize(
    ("text", "problem", "step"),
    [
        ("/knowledge\naddtempral\n1 a", "line 2: 'addtempral' is no section", "'addtemporal'"),
        (
            "/knowledge\nrequiredirect\na b c",
            "line 3: requiredirect takes a cause and an effect, but came 3",
            "pair",
        ),
        (
            "/knowledge\nrequiredirect\na b\nforbidirect\n",
            "line 4: 'forbidirect' is no section",
            "'forbiddirect'",
        ),
        (
            "/knowledge\naddtemporal\nx1 a b",
            "line 3: a tier starts with its number, but came 'x1'",
            "1 age sex",
        ),
        (
            "/knowledge\nforbiddengroup\n1 a b",
            "line 3: the section 'forbiddengroup' is not read",
            "forbiddirect",
        ),
    ],
)
def test_what_is_wrong_in_tetrads_format_is_named(tmp_path: Path, text: str, problem: str, step: str):
    with pytest.raises(KnowledgeError) as caught:
        Knowledge.read(written(tmp_path, text, "known.txt"))
    assert problem in caught.value.problem and step in caught.value.next_step


@pytest.mark.skipif(not SACHS.exists(), reason="the protein data of Sachs et al. are not here")
def test_the_knowledge_that_comes_with_sachs_data():
    known = Knowledge.read(SACHS / "sachs.2005.knowledge.txt")
    # The file lists 20 required edges, the ground truth of the same repository.
    truth = (SACHS / "sachs.2005.ground.truth.graph.txt").read_text()
    edges = {(line.split()[1], line.split()[3]) for line in truth.splitlines() if "-->" in line}
    assert len(known.required) == 20 and set(known.required) == edges
    assert known.tiers == () and known.forbidden == ()


@pytest.mark.parametrize(
    "piece", [{"exogenous": "ab"}, {"tiers": ["ab", "c"]}, {"required": ["ab"]}, {"forbidden": ["ab"]}]
)
def test_a_text_is_no_list_of_its_letters(piece):
    with pytest.raises(KnowledgeError, match="'ab'"):
        Knowledge(**piece)
