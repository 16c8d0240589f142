"""The rows of the table: a piece of work, and who does it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Args:
        key: `_ours` and `_peers` have a function of that name.
        words: what it is.
        size: how large it is: what the function takes.
        libraries: who does it.
    """

    key: str
    words: str
    size: int
    libraries: tuple[str, ...]


SENTENCES = "sentence pairs: beam 10, length 5, 4,003 concepts, 10,000 pairs"
TASKS = (
    Task("beam_sentences", SENTENCES, 1, ("aitia", "published rules in NumPy")),
    Task("beam_sentences", f"{SENTENCES}, 1,024 units", 1024, ("aitia",)),
    Task("exact_sentences", "exact search, length 3, 1,003 concepts, 10,000 pairs", 500, ("aitia",)),
    Task("exact_sentences", "exact search, length 3, 4,003 concepts, 10,000 pairs", 2000, ("aitia",)),
    Task("exact_five", "exact search, length 5, 4,003 concepts, 10,000 pairs", 2000, ("aitia",)),
    Task(
        "exact_noise",
        "exact search, length 3, the same pairs, units that fire at random at half of them",
        2000,
        ("aitia",),
    ),
    Task(
        "beam_pictures",
        "pictures: beam 5, length 10, 300 concepts, 2,000 pictures of 112 x 112, 64 units",
        2000,
        ("aitia", "published rules on pycocotools"),
    ),
    Task("exact_pictures", "exact search, length 3, the same pictures, 8 units", 2000, ("aitia",)),
    Task(
        "clustered_pictures",
        "pictures: 5 ranges of activation, beam 5, length 3, 300 concepts, 500 pictures",
        500,
        ("aitia", "rules of La Rosa et al. in PyTorch"),
    ),
    Task("kernel", "AND and count of bits, both cores", 1, ("aitia", "NumPy", "memory read alone")),
    Task(
        "record_maps", "recording two layers of ResNet-20, images of 32 x 32", 512, ("aitia", "forward pass")
    ),
    Task(
        "probe_one",
        "probes: 4 layers of 256 units, 50 targets, 5,000 rows, one penalty",
        5000,
        ("aitia", "scikit-learn"),
    ),
    Task("probe_chosen", "the same, a penalty of seven chosen for each", 5000, ("aitia", "scikit-learn")),
)

# Each library, and how the names of its functions in `_peers` end.
LIBRARIES = {
    "aitia": "",
    "published rules in NumPy": "_published",
    "published rules on pycocotools": "_published",
    "rules of La Rosa et al. in PyTorch": "_published",
    "NumPy": "_numpy",
    "memory read alone": "_read",
    "forward pass": "_bare",
    "scikit-learn": "_sklearn",
}
