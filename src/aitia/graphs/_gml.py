"""GML, the Graph Modelling Language, read and written."""

from __future__ import annotations

import re
from html.entities import name2codepoint
from typing import TYPE_CHECKING, TypeAlias

from aitia.graphs._edge import Edge, GraphKind, Mark
from aitia.graphs._errors import GraphSyntaxError
from aitia.graphs._kinds import inferred_kind

if TYPE_CHECKING:
    from aitia.graphs._graph import Graph

_TOKEN = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)
    | (?P<quoted>"[^"]*")
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w]))
    | (?P<key>\w+)
    | (?P<bracket>[\[\]])""",
    re.VERBOSE,
)
_HEADER = re.compile(r'(?:\s|\#[^\n]*\n|\w+\s+(?:"[^"]*"|[-+\w.]+)\s)*graph\s*\[', re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));")

_DEEPEST = 50

_Value: TypeAlias = "str | list[tuple[str, _Value, int]]"


def is_gml(text: str) -> bool:
    """Whether the text begins as GML does."""
    return _HEADER.match(text) is not None


def _escaped(name: str) -> str:
    """A name as a GML string: quotes, ampersands and all beyond printable ASCII as numbered entities."""
    body = "".join(c if " " <= c <= "~" and c not in '"&' else f"&#{ord(c)};" for c in name)
    return f'"{body}"'


def _unescaped(body: str) -> str:
    def character(found: re.Match[str]) -> str:
        decimal, hexadecimal, name = found.groups()
        if name is not None:
            return chr(name2codepoint[name]) if name in name2codepoint else found.group()
        code = int(decimal) if decimal is not None else int(hexadecimal, 16)
        return chr(code) if code < 0x110000 else found.group()

    return _ENTITY.sub(character, body)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def take(self) -> tuple[str, str, int]:
        """Sort, text and position of the next token that is not blank."""
        while self.at < len(self.text):
            start = self.at
            found = _TOKEN.match(self.text, start)
            if not found:
                raise self.fail("a key, a value or a bracket", self.text[start], start)
            self.at = found.end()
            if found.lastgroup != "blank":
                return str(found.lastgroup), found.group(), start
        return "end", "", len(self.text)

    def fail(self, expected: str, token: str, position: int) -> GraphSyntaxError:
        came = f"came {token!r}" if token else "the text ended"
        return GraphSyntaxError(
            f"Expected {expected}, but {came}",
            'GML reads: graph [ node [ id 0 label "a" ] edge [ source 0 target 1 ] ].',
            self.text,
            position,
            token,
        )

    def pairs(self, depth: int = 0) -> list[tuple[str, _Value, int]]:
        """The list of (key, value, position) up to the closing bracket, or to the end on the outside."""
        found: list[tuple[str, _Value, int]] = []
        while True:
            sort, key, start = self.take()
            if (sort == "end" and not depth) or (key == "]" and depth):
                return found
            if sort != "key":
                raise self.fail("a key or ']'" if depth else "a key", key, start)
            sort, text, position = self.take()
            if text == "[" and depth >= _DEEPEST:
                raise self.fail(f"at most {_DEEPEST} brackets inside each other", text, position)
            if text == "[":
                found.append((key, self.pairs(depth + 1), start))
            elif sort == "quoted":
                found.append((key, _unescaped(text[1:-1]), start))
            elif sort in ("number", "key"):
                found.append((key, text, start))
            else:
                raise self.fail(f"the value of {key!r}", text, position)


def parse_gml(text: str) -> tuple[list[str], list[Edge], set[str], set[str], GraphKind | None]:
    """Nodes, edges, latent nodes, selected nodes and the stated kind of a graph in GML.

    A node's name is its ``label``, else its ``id``. ``latent 1``, ``observed "no"`` and ``selected 1`` flag it.
    An edge goes from ``source`` to ``target``, or has ``source_mark`` and ``target_mark`` (tail, arrow, circle);
    in a graph with ``directed 0`` its ends are tails.

    Raises:
        GraphSyntaxError: the text is not GML, or an edge names an id that no node has.
    """
    parser = _Parser(text)
    graph = next((each for each in parser.pairs() if each[0].lower() == "graph"), None)
    if graph is None or isinstance(graph[1], str):
        raise parser.fail("a graph [ ... ]", "", len(text))
    body = graph[1]
    names: dict[str, str] = {}
    latent: set[str] = set()
    selected: set[str] = set()
    edges: list[Edge] = []
    options = {key: value for key, value, _ in body if isinstance(value, str)}
    blocks = [(key, dict(_flat(value)), at) for key, value, at in body if not isinstance(value, str)]
    for _, values, at in (block for block in blocks if block[0] == "node"):
        if "id" not in values:
            raise parser.fail("an id in each node", "node", at)
        if values["id"] in names:
            raise GraphSyntaxError(
                f"Two nodes have the id {values['id']}", "Number them anew.", text, at, "node"
            )
        name = names[values["id"]] = values.get("label", values["id"])
        no = ("0", "no", "false")
        if values.get("latent", "0").lower() not in no or values.get("observed", "1").lower() in no:
            latent.add(name)
        if values.get("selected", "0").lower() not in no:
            selected.add(name)
    plain = Mark.ARROW if options.get("directed", "1") != "0" else Mark.TAIL
    for _, values, at in (block for block in blocks if block[0] == "edge"):
        ends = []
        for end in ("source", "target"):
            if values.get(end) not in names:
                raise GraphSyntaxError(
                    f"The {end} of an edge is {values.get(end, 'missing')}, which is no node's id",
                    "Give the edge the ids of two nodes.",
                    text,
                    at,
                    "edge",
                )
            ends.append(names[values[end]])
        try:
            marks = Mark(values.get("source_mark", "tail")), Mark(values.get("target_mark", plain))
        except ValueError:
            raise GraphSyntaxError(
                "The mark of an edge is none of tail, arrow and circle", "Use one of these.", text, at, "edge"
            ) from None
        edges.append(Edge(ends[0], ends[1], *marks))
    stated = options.get("kind")
    kind = GraphKind(stated) if stated in set(GraphKind) else None
    return list(names.values()), edges, latent, selected, kind


def _flat(values: list[tuple[str, _Value, int]]) -> list[tuple[str, str]]:
    return [(key, value) for key, value, _ in values if isinstance(value, str)]


def gml_text(graph: Graph) -> str:
    """See `Graph.to_gml`."""
    lines = ["graph [", "  directed 1"]
    if inferred_kind(graph.nodes, graph.edges) is not graph.kind:
        lines.append(f'  kind "{graph.kind.value}"')
    index = {node: i for i, node in enumerate(graph.nodes)}
    for node, i in index.items():
        flag = " latent 1" if node in graph.latent else " selected 1" if node in graph.selected else ""
        lines.append(f"  node [ id {i} label {_escaped(node)}{flag} ]")
    for edge in graph.edges:
        marks = "" if edge.directed else f' source_mark "{edge.mark_a}" target_mark "{edge.mark_b}"'
        lines.append(f"  edge [ source {index[edge.a]} target {index[edge.b]}{marks} ]")
    return "\n".join([*lines, "]"]) + "\n"
