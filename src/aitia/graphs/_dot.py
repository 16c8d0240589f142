"""DOT (Graphviz) and dagitty: one grammar with two sorts of edges, read and written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from aitia.core import nearest
from aitia.graphs._edge import Edge, GraphKind, Mark
from aitia.graphs._errors import GraphKindError, GraphSyntaxError
from aitia.graphs._kinds import inferred_kind
from aitia.graphs._syntax import quoted, unquoted

if TYPE_CHECKING:
    from aitia.graphs._graph import Graph

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<edge>[<@]?--?[>@]|<--?@?|@--|--)
    | (?P<mark>[{}\[\]=;,:])
    | (?P<word>-?[\w.]+)""",
    re.VERBOSE | re.DOTALL,
)
_HEADER = re.compile(
    r"(?:\s|//[^\n]*|\#[^\n]*|/\*.*?\*/)*"
    r"(?:strict\s+)?(digraph|graph|dag|pdag|mag|pag)\b\s*(?:\"(?:[^\"\\]|\\.)*\"|[\w.]+)?\s*\{",
    re.IGNORECASE | re.DOTALL,
)
_DEEPEST = 50
_NO = {"no", "false", "0"}
_DAGITTY_KIND = {"pdag": GraphKind.MPDAG, "mag": GraphKind.PAG, "pag": GraphKind.PAG}
_DAGITTY_MARK = {"<": Mark.ARROW, ">": Mark.ARROW, "@": Mark.CIRCLE, "-": Mark.TAIL}


class _Token(NamedTuple):
    sort: str
    text: str
    position: int


def language(text: str) -> str | None:
    """``"DOT"`` or ``"dagitty"`` if the text begins as one of them does, else None."""
    found = _HEADER.match(text)
    if not found:
        return None
    return "DOT" if found.group(1).lower() in ("digraph", "graph") else "dagitty"


@dataclass
class _Parser:
    """A recursive descent over the tokens; what it finds gathers in its fields."""

    text: str
    tokens: list[_Token] = field(default_factory=list)
    at: int = 0
    depth: int = 0
    type: str = ""
    nodes: dict[str, None] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    latent: set[str] = field(default_factory=set)
    selected: set[str] = field(default_factory=set)
    kind: GraphKind | None = None

    def fail(self, expected: str, token: _Token, next_step: str = "") -> GraphSyntaxError:
        came = f"came {token.text!r}" if token.text else "the text ended"
        return GraphSyntaxError(
            f"Expected {expected}, but {came}", next_step, self.text, token.position, token.text
        )

    def tokenize(self) -> None:
        position = 0
        while position < len(self.text):
            found = _TOKEN.match(self.text, position)
            if not found:
                token = _Token("odd", self.text[position], position)
                raise self.fail(
                    "a name, an edge or punctuation",
                    token,
                    "Put names with spaces or signs in double quotes.",
                )
            if found.lastgroup != "blank":
                self.tokens.append(_Token(str(found.lastgroup), found.group(), position))
            position = found.end()

    def peek(self) -> _Token:
        if self.at < len(self.tokens):
            return self.tokens[self.at]
        return _Token("end", "", len(self.text))

    def take(self) -> _Token:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, text: str) -> bool:
        found = self.peek().text == text and self.peek().sort != "quoted"
        self.at += found
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.fail(repr(text), self.peek())

    def keyword(self) -> str:
        token = self.peek()
        return token.text.lower() if token.sort == "word" else ""

    def name(self, what: str = "the name of a node") -> str:
        token = self.take()
        if token.sort == "quoted":
            name = unquoted(token.text[1:-1].replace("\\\n", ""))
        else:
            name = token.text if token.sort == "word" else ""
        if not name:
            raise self.fail(what, token, "Put names with spaces or signs in double quotes.")
        return name

    def graph(self) -> None:
        self.tokenize()
        if self.keyword() == "strict":
            self.take()
        self.type = self.take().text.lower()
        if not self.accept("{"):
            self.name("a name or '{'")
            self.expect("{")
        self.statements({})
        if self.peek().sort != "end":
            raise self.fail("nothing after the closing '}'", self.peek(), "One graph a text.")

    def statements(self, defaults: dict[str, str]) -> list[str]:
        """Statements up to the closing brace, and the nodes they name."""
        named: dict[str, None] = {}
        defaults = dict(defaults)
        while not self.accept("}"):
            if self.peek().sort == "end":
                raise self.fail("'}'", self.peek())
            if self.accept(";") or self.accept(","):
                continue
            if self.keyword() in ("graph", "node", "edge"):
                word = self.take().text.lower()
                attributes = self.attributes()
                if word == "edge":
                    defaults |= attributes
                elif word == "graph":
                    self.graph_attributes(attributes)
                continue
            named |= dict.fromkeys(self.statement(defaults))
        return list(named)

    def statement(self, defaults: dict[str, str]) -> list[str]:
        single = self.peek().sort in ("word", "quoted")
        chain = [self.operand(defaults)]
        if single and self.accept("="):
            key = chain[0][0]
            self.graph_attributes({key: self.name("a value")})
            return []
        steps: list[tuple[_Token, int]] = []
        while self.peek().sort == "edge":
            steps.append((self.take(), len(chain)))
            chain.append(self.operand(defaults))
        attributes = self.attributes()
        for group in chain:
            self.nodes |= dict.fromkeys(group)
        if steps:
            attributes = defaults | attributes
            for (before, after), (token, _) in zip(pairwise(chain), steps):
                marks = self.marks(token, attributes)
                self.edges += [Edge(a, b, *marks) for a in before for b in after]
        elif single:
            self.node_attributes(chain[0][0], attributes)
        return [node for group in chain for node in group]

    def operand(self, defaults: dict[str, str]) -> list[str]:
        if self.keyword() == "subgraph":
            self.take()
            if self.peek().text != "{":
                self.name("a name or '{'")
        if self.accept("{"):
            if self.depth >= _DEEPEST:
                raise self.fail(f"at most {_DEEPEST} braces inside each other", self.tokens[self.at - 1])
            self.depth += 1
            named = self.statements(defaults)
            self.depth -= 1
            return named
        node = self.name()
        for _ in range(2):  # a port and a compass point
            if self.accept(":"):
                self.name("a port")
        return [node]

    def attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while self.accept("["):
            while not self.accept("]"):
                if self.accept(",") or self.accept(";"):
                    continue
                key = self.name("an attribute or ']'")
                found[key] = self.name("a value") if self.accept("=") else ""
        return found

    def node_attributes(self, node: str, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            yes = value.strip().lower() not in _NO
            if (key == "latent" and yes) or (key == "observed" and not yes):
                self.latent.add(node)
            elif key == "selected" and yes:
                self.selected.add(node)

    def graph_attributes(self, attributes: dict[str, str]) -> None:
        if kind := attributes.get("kind"):
            if kind not in set(GraphKind):
                token = self.tokens[self.at - 1]
                raise GraphSyntaxError(
                    f"Unknown kind of graph {kind!r}",
                    nearest(kind, GraphKind),
                    self.text,
                    token.position,
                    token.text,
                )
            self.kind = GraphKind(kind)

    def marks(self, token: _Token, attributes: dict[str, str]) -> tuple[Mark, Mark]:
        if self.type not in ("digraph", "graph"):
            return _DAGITTY_MARK[token.text[0]], _DAGITTY_MARK[token.text[-1]]
        wanted = "->" if self.type == "digraph" else "--"
        if token.text != wanted:
            raise self.fail(
                f"the edge {wanted!r} of a {self.type}",
                token,
                'DOT writes "a <-> b" as "a -> b [dir=both]"; dagitty\'s edges need "dag {" at the beginning.',
            )
        direction = attributes.get("dir", "forward" if self.type == "digraph" else "none")
        head = attributes.get("arrowhead", "normal") if direction in ("forward", "both") else "none"
        tail = attributes.get("arrowtail", "normal") if direction in ("back", "both") else "none"
        shapes = {"none": Mark.TAIL, "odot": Mark.CIRCLE}
        return shapes.get(tail, Mark.ARROW), shapes.get(head, Mark.ARROW)


def parse_braces(
    text: str,
) -> tuple[list[str], list[Edge], set[str], set[str], GraphKind | None]:
    """Nodes, edges, latent nodes, selected nodes and the stated kind of a graph in DOT or dagitty.

    Attributes that say how to draw are passed over, as are dagitty's ``exposure``, ``outcome`` and ``adjusted``,
    which belong to a question and not to the graph.

    Raises:
        GraphSyntaxError: the text is in neither language.
    """
    parser = _Parser(text)
    parser.graph()
    kind = parser.kind or _DAGITTY_KIND.get(parser.type)
    return list(parser.nodes), parser.edges, parser.latent, parser.selected, kind


_DOT_EDGE = {
    (Mark.TAIL, Mark.ARROW): "",
    (Mark.ARROW, Mark.ARROW): " [dir=both, style=dashed]",
    (Mark.TAIL, Mark.TAIL): " [dir=none]",
    (Mark.CIRCLE, Mark.ARROW): " [dir=both, arrowtail=odot]",
    (Mark.CIRCLE, Mark.CIRCLE): " [dir=both, arrowtail=odot, arrowhead=odot]",
    (Mark.TAIL, Mark.CIRCLE): " [arrowhead=odot]",
}


def dot_text(graph: Graph) -> str:
    """See `Graph.to_dot`."""
    lines = ["digraph {"]
    if inferred_kind(graph.nodes, graph.edges) is not graph.kind:
        lines.append(f"  kind={graph.kind.value};")
    for node in graph.nodes:
        latent, selected = node in graph.latent, node in graph.selected
        flag = " [latent=true, style=dashed]" if latent else " [selected=true, shape=box]" if selected else ""
        lines.append(f"  {quoted(node)}{flag};")
    lines += [
        f"  {quoted(edge.a)} -> {quoted(edge.b)}{_DOT_EDGE[edge.mark_a, edge.mark_b]};"
        for edge in graph.edges
    ]
    return "\n".join([*lines, "}"]) + "\n"


def dagitty_text(graph: Graph) -> str:
    """See `Graph.to_dagitty`."""
    if graph.kind is GraphKind.UNDIRECTED:
        raise GraphKindError("dagitty has no undirected graphs.", "Write it by to_text() or to_dot().")
    kind = {GraphKind.CPDAG: "pdag", GraphKind.MPDAG: "pdag", GraphKind.PAG: "pag"}.get(graph.kind, "dag")
    return "\n".join([f"{kind} {{", *_dagitty_lines(graph), "}"]) + "\n"


def _dagitty_lines(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        flag = " [latent]" if node in graph.latent else " [selected]" if node in graph.selected else ""
        yield f"{quoted(node)}{flag}"
    for edge in graph.edges:
        yield f"{quoted(edge.a)} {edge.symbol.replace('o', '@')} {quoted(edge.b)}"
