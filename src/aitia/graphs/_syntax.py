"""The text form of a graph: ``a -> b; b <-> c; u [latent]``, read and written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aitia.core import nearest
from aitia.graphs._edge import Edge, GraphKind, Mark
from aitia.graphs._errors import GraphSyntaxError

if TYPE_CHECKING:
    from aitia.graphs._graph import Graph

_BLANK = re.compile(r"(?:[^\S\n]|#[^\n]*)+")
_BREAK = re.compile(r"[;\n]")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
# A bare name ends where white space, punctuation or an edge begins; a single hyphen may stand inside it.
_BARE = re.compile(r'(?:(?!->|<-|--)[^\s;#\[\]{},"])+')
# A circle mark on the right is one only if something else than a name character follows it.
_EDGE = re.compile(r'(o|<)?(-{1,3})(>|o(?=[\s"]))?')
_ATTRIBUTES = re.compile(r"\[([^\]\n]*)\]")
_PLAIN = re.compile(r"[\w.]+")
_ANYTHING = re.compile(r"\S+")

_LEFT = {"": Mark.TAIL, "o": Mark.CIRCLE, "<": Mark.ARROW}
_RIGHT = {"": Mark.TAIL, "o": Mark.CIRCLE, ">": Mark.ARROW}
FLAGS = {
    "latent": "latent",
    "unobserved": "latent",
    "hidden": "latent",
    "selected": "selected",
    "selection": "selected",
}
_EXAMPLE = 'Write edges as "a -> b; b <-> c", flags as "u [latent]", and odd names in double quotes.'


def quoted(name: str) -> str:
    """The name in double quotes, with quotes and backslashes inside it escaped by a backslash."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(body: str) -> str:
    """What stands between the quotes, with backslash escapes of quotes and backslashes undone."""
    return re.sub(r'\\(["\\])', r"\1", body)


def name_text(name: str) -> str:
    """A name as the text form writes it: bare where that is safe, else quoted."""
    return name if _PLAIN.fullmatch(name) else quoted(name)


class _Reader:
    """A position in a text and what may be read next there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip(self, breaks: bool = False) -> None:
        while True:
            found = _BLANK.match(self.text, self.at) or (breaks and _BREAK.match(self.text, self.at))
            if not found:
                return
            self.at = found.end()

    def skip_lines(self) -> None:
        """Blanks and line ends, so that an edge at the end of a line goes on in the next."""
        self.skip()
        while self.text.startswith("\n", self.at):
            self.at += 1
            self.skip()

    def done(self) -> bool:
        return self.at >= len(self.text)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def fail(self, expected: str, next_step: str = _EXAMPLE) -> GraphSyntaxError:
        found = _ANYTHING.match(self.text, self.at)
        token = found.group() if found else ""
        came = f"came {token!r}" if token else "the text ended"
        return GraphSyntaxError(f"Expected {expected}, but {came}", next_step, self.text, self.at, token)

    def name(self) -> str:
        start = self.at
        found = self.match(_QUOTED)
        name = unquoted(found.group(1)) if found else None
        if name is None:
            if self.text.startswith('"', self.at):
                raise self.fail("a closing double quote")
            found = self.match(_BARE)
            name = found.group() if found else None
        if not name:
            self.at = start
            raise self.fail("the name of a node")
        return name

    def edge(self) -> tuple[Mark, Mark] | None:
        start = self.at
        found = self.match(_EDGE)
        if not found:
            return None
        left, line, right = found.group(1) or "", found.group(2), found.group(3) or ""
        if not left and not right and len(line) == 1:
            self.at = start
            raise self.fail("an edge (->, <-, <->, --, o->, <-o, o-o)")
        return _LEFT[left], _RIGHT[right]

    def attributes(self) -> list[tuple[str, int]]:
        """The words of ``[one, two]`` with their positions."""
        start = self.at
        found = self.match(_ATTRIBUTES)
        if not found:
            raise self.fail('a closing "]" on the same line')
        return [(each.group(), start + 1 + each.start()) for each in re.finditer(r"[^\s,]+", found.group(1))]


def parse_text(
    text: str,
) -> tuple[list[str], list[Edge], set[str], set[str], GraphKind | None]:
    """Nodes, edges, latent nodes, selected nodes and the stated kind of a graph in text form.

    Raises:
        GraphSyntaxError: the text is not in the form.
    """
    reader = _Reader(text)
    nodes: dict[str, None] = {}
    edges: list[Edge] = []
    flagged: dict[str, set[str]] = {"latent": set(), "selected": set()}
    kind: GraphKind | None = None
    while True:
        reader.skip(breaks=True)
        if reader.done():
            return list(nodes), edges, flagged["latent"], flagged["selected"], kind
        if text.startswith("[", reader.at):
            for word, position in reader.attributes():
                if word not in set(GraphKind):
                    raise GraphSyntaxError(
                        f"Unknown kind of graph {word!r}", nearest(word, GraphKind), text, position, word
                    )
                kind = GraphKind(word)
            _end_statement(reader)
            continue
        name = reader.name()
        nodes.setdefault(name)
        reader.skip()
        if text.startswith("[", reader.at):
            for word, position in reader.attributes():
                if word not in FLAGS:
                    raise GraphSyntaxError(
                        f"Unknown flag {word!r} of node {name!r}", nearest(word, FLAGS), text, position, word
                    )
                flagged[FLAGS[word]].add(name)
            _end_statement(reader)
            continue
        while not reader.done() and (marks := reader.edge()):
            reader.skip_lines()
            other = reader.name()
            nodes.setdefault(other)
            edges.append(Edge(name, other, *marks))
            name = other
            reader.skip()
        _end_statement(reader)


def _end_statement(reader: _Reader) -> None:
    reader.skip()
    if not reader.done() and not _BREAK.match(reader.text, reader.at):
        raise reader.fail('an edge (->, <-, <->, --, o->, <-o, o-o), ";" or a new line')


def text_statements(graph: Graph) -> Iterable[str]:
    """The statements of a graph's text form: stated kind, flagged and isolated nodes, edges."""
    from aitia.graphs._kinds import inferred_kind

    if inferred_kind(graph.nodes, graph.edges) is not graph.kind:
        yield f"[{graph.kind.value}]"
    linked = {node for edge in graph.edges for node in (edge.a, edge.b)}
    for node in graph.nodes:
        words = [
            word for word, among in (("latent", graph.latent), ("selected", graph.selected)) if node in among
        ]
        if words:
            yield f"{name_text(node)} [{', '.join(words)}]"
        elif node not in linked:
            yield name_text(node)
    for edge in graph.edges:
        yield f"{name_text(edge.a)} {edge.symbol} {name_text(edge.b)}"
