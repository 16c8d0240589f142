"""Find out what describes a graph, and read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from aitia.graphs._dot import language, parse_braces
from aitia.graphs._errors import GraphError, GraphSyntaxError
from aitia.graphs._gml import is_gml, parse_gml
from aitia.graphs._graph import Graph
from aitia.graphs._kinds import inferred_kind
from aitia.graphs._networkx import from_networkx, is_networkx
from aitia.graphs._syntax import parse_text

_SUFFIXES = (".txt", ".dot", ".gv", ".gml", ".dagitty", ".graph")


def read_graph(source: object) -> Graph:
    """See `Graph.read`."""
    if isinstance(source, Graph):
        return source
    if is_networkx(source):
        return _made(from_networkx(source))
    if isinstance(source, os.PathLike):
        return _read_file(Path(source))
    if not isinstance(source, str):
        raise GraphError(
            f"Expected a graph, but came an object of type {type(source).__name__}.",
            "Give a Graph, a networkx graph, a text (a -> b, DOT, GML, dagitty) or the path of a file.",
        )
    if path := _path(source):
        return _read_file(path)
    return _read_text(source)


def _path(text: str) -> Path | None:
    """The text as a path, if it is the path of a file or can hardly be anything else."""
    if "\n" in text or len(text) > 4000 or "\0" in text:
        return None
    path = Path(text.strip())
    try:
        is_file = bool(text.strip()) and path.is_file()
    except OSError:
        return None
    edged = any(each in text for each in ("->", "<-", "--", "[", "{", ";"))
    return path if is_file or (path.suffix in _SUFFIXES and not edged) else None


def _read_file(path: Path) -> Graph:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise GraphError(
            f"The file {path} is not UTF-8 text (byte {error.start}).",
            "Give a text file with a graph; pictures and pickles cannot be read.",
        ) from None
    except OSError as error:
        raise GraphError(f"Cannot read the graph file {path}: {error.strerror}.", "Check the path.") from None
    try:
        return _read_text(text)
    except GraphSyntaxError as error:
        error.problem = f"In the file {path}: {error.problem}"
        raise


def _read_text(text: str) -> Graph:
    if not text.strip():
        raise GraphSyntaxError("Expected a graph, but the text is empty", "Write edges as a -> b.", text, 0)
    spoken = language(text)
    if spoken:
        parse, taken_for = parse_braces, spoken
    elif is_gml(text):
        parse, taken_for = parse_gml, "GML"
    else:
        parse, taken_for = parse_text, "aitia's text form"
    try:
        return _made(parse(text))
    except GraphSyntaxError as error:
        error.problem = f"Read as {taken_for}: {error.problem}"
        if parse is parse_text:
            error.next_step += (
                ' (Not DOT, which begins with "digraph {"; not dagitty, "dag {"; not GML, "graph [".)'
            )
        raise


def _made(parts: tuple[Any, ...]) -> Graph:
    nodes, edges, latent, selected, stated = parts
    kind = stated or inferred_kind(nodes, edges)
    return Graph(tuple(nodes), tuple(edges), frozenset(latent), frozenset(selected), kind)
