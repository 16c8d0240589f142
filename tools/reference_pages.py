"""Write docs/reference.md and docs/reference/*.md: every public name, room by room.

python tools/reference_pages.py
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

# The rooms in the order of the house, each with what it is called in the navigation.
ROOMS = {
    "study": "Study",
    "data": "Data",
    "graphs": "Graphs",
    "discovery": "Discovery",
    "identification": "Identification",
    "estimation": "Estimation",
    "programs": "Programs",
    "programs.mechanisms": "Programs: mechanisms",
    "programs.inference": "Programs: inference",
    "programs.counterfactuals": "Programs: counterfactuals",
    "programs.checking": "Programs: checks",
    "programs.time": "Programs: time",
    "programs.deep": "Programs: images",
    "networks": "Networks",
    "networks.firing": "Networks: where units fire",
    "networks.planted": "Networks: planted truth",
    "networks.refutation": "Networks: refutation",
    "networks.edits": "Networks: edits",
    "networks.probes": "Networks: probes",
    "networks.examples": "Networks: examples",
    "refutation": "Refutation",
    "report": "Report",
    "statistics": "Statistics",
    "examples": "Examples",
    "core": "Core",
}

HEAD = """# Reference

Every public name, room by room. `python tools/reference_pages.py` makes these pages from the rooms themselves.

`import aitia` gives the eight that most work begins with: `read`, `Graph`, `discover`, `Effect`, `identify`, `Study`,
`regress` and `AitiaError`. All other names are imported from their room: `from aitia.estimation import AIPW`.
"""


def public(module: ModuleType) -> dict[str, Any]:
    """The public names of a room: those that its `__init__` re-exports or defines, in that order."""
    home, is_room = module.__name__, hasattr(module, "__path__")

    def ours(thing: Any) -> bool:
        # A union of classes does not say where it was made, but a room's `__init__` imports its own things only.
        if is_room and isinstance(thing, UnionType):
            return True
        stand_in = type(thing).__module__.startswith("aitia") and type(thing).__name__.startswith("_")
        return getattr(thing, "__module__", "").startswith(home) and not stand_in

    named = vars(module)
    if "__getattr__" in named:  # a room whose names load on use lists them
        named = {name: getattr(module, name) for name in module.__all__}
    return {name: thing for name, thing in named.items() if not name.startswith("_") and ours(thing)}


def summary(thing: Any) -> str:
    """The first sentence of a docstring, fit for a cell of a table."""
    if isinstance(thing, UnionType):
        return (
            "One of "
            + ", ".join(f"`{each.__name__}`" for each in thing.__args__ if each is not type(None))
            + "."
        )
    if not (callable(thing) or isinstance(thing, ModuleType)):
        return f"`{type(thing).__name__}`"
    text = inspect.getdoc(thing)
    first = " ".join((text or "").split("\n\n")[0].split())
    # In code a bar needs no backslash, and would show it.
    return re.sub(r"(`+).*?\1|\|", lambda found: r"\|" if found[0] == "|" else found[0], first)


def page(room: str) -> str:
    """The file of a room's page."""
    return f"{room.replace('.', '-')}.md"


def room_page(room: str) -> str:
    """One room's page."""
    module = importlib.import_module(f"aitia.{room}")
    lines = [f"# {ROOMS[room]}: reference", "", summary(module), ""]
    for name in sorted(public(module), key=str.casefold):
        lines += [f"::: aitia.{room}.{name}", ""]
    return "\n".join(lines)


def index_page() -> str:
    """The table of all names."""
    lines = [HEAD]
    for room, title in ROOMS.items():
        module = importlib.import_module(f"aitia.{room}")
        lines += [
            f"## {title}",
            "",
            f"`aitia.{room}`: {summary(module)} [Full text](reference/{page(room)})",
            "",
        ]
        lines += ["| name | |", "| --- | --- |"]
        for name, thing in sorted(public(module).items(), key=lambda each: each[0].casefold()):
            lines.append(f"| [`{name}`][aitia.{room}.{name}] | {summary(thing)} |")
        lines.append("")
    return "\n".join(lines)


def pages() -> dict[Path, str]:
    """Every page with its text."""
    return {
        DOCS / "reference.md": index_page(),
        **{DOCS / "reference" / page(room): room_page(room) for room in ROOMS},
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"wrote {DOCS.relative_to(ROOT)}/reference.md and one page a room")
