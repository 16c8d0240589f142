"""Text, DOT, GML, dagitty and networkx: round trips, other people's files, and errors that point."""

import contextlib
import json

import networkx
import pytest
from graph_oracles import mixed_graphs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aitia.graphs import Edge, Graph, GraphError, GraphKind, GraphSyntaxError, Mark

LAWS = settings(max_examples=120, deadline=None)
WRITERS = {
    "text": Graph.to_text,
    "dot": Graph.to_dot,
    "gml": Graph.to_gml,
    "dagitty": Graph.to_dagitty,
    "networkx": Graph.to_networkx,
}
HOSTILE = [
    'say "no"',
    "back\\slash\\",
    "a -> b",
    "<-> o-o --",
    "new\nline",
    "<script>alert(1)</script>",
    "&quot; &#34; &amp;amp;",
    "# no comment // nor /* this */",
    "[latent]; x",
    "{digraph}",
    "'; DROP TABLE x; --",
    " spaces ",
    "größe µ 身長 🙂",
    "\t\r\x00\x7f\x85",
    "o",
    "node",
    "-",
    "1",
]
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=8))


def classes():
    """A few graphs of each of the kinds that random directed graphs do not reach."""
    texts = (
        "v0 -- v1; v1 -- v2",
        "[cpdag]; v0 -> v1; v2 -> v1",
        "v0 -> v1; v0 -> v2; v1 -- v2",
        "v0 o-> v1; v2 o-> v1; v1 -> v3",
        "v0 o-o v1; v1 --o v2",
        "[pag]; v0 -> v1; v2 <-> v1",
        "v0 -- v1; v2 <-> v3",
    )
    return st.sampled_from([Graph.parse(text) for text in texts])


@pytest.mark.parametrize("form", WRITERS)
@LAWS
@given(
    st.one_of(mixed_graphs(flags=True, most=5), classes()),
    st.lists(NAMES, min_size=5, max_size=5, unique=True),
)
@example(Graph.parse("v0 -> v1 <-> v2; v3; v4 [latent]"), HOSTILE[:5])
@example(Graph.parse("v0 -> v1 <-> v2; v3; v4 [latent]"), HOSTILE[5:10])
@example(Graph.parse("v0 -> v1 <-> v2; v3; v4 [latent]"), HOSTILE[10:15])
@example(Graph.parse("v0 o-> v1; v2 o-o v3"), HOSTILE[13:18])
def test_every_form_reads_what_it_wrote(form, graph, names):
    named = graph.relabel(dict(zip(sorted(graph.nodes), names)))
    assert Graph.read(WRITERS[form](named)) == named


def test_the_text_form():
    graph = Graph.parse(
        """
        # two causes
        age -> income -> health; age->health   # no spaces needed
        "body mass" <-> health ; income-2 <- age
        u [latent]; u -> "x -> y" ; s [ selected ]
        """
    )
    assert graph.kind is GraphKind.ADMG
    assert set(graph.nodes) == {"age", "income", "health", "body mass", "income-2", "u", "x -> y", "s"}
    assert graph.latent == {"u"} and graph.selected == {"s"}
    assert graph.parents("health") == {"age", "income"}
    assert graph.parents("income-2") == {"age"}
    assert Graph.parse("a ->\n b") == Graph.parse("b <- a") == Graph.parse('"a"->"b"')


def test_every_edge_of_the_text_form():
    edges = {
        "a -> b": (Mark.TAIL, Mark.ARROW),
        "a --> b": (Mark.TAIL, Mark.ARROW),
        "b <- a": (Mark.TAIL, Mark.ARROW),
        "a <-> b": (Mark.ARROW, Mark.ARROW),
        "a -- b": (Mark.TAIL, Mark.TAIL),
        "a --- b": (Mark.TAIL, Mark.TAIL),
        "a o-> b": (Mark.CIRCLE, Mark.ARROW),
        "b <-o a": (Mark.CIRCLE, Mark.ARROW),
        "a o-o b": (Mark.CIRCLE, Mark.CIRCLE),
        "a --o b": (Mark.TAIL, Mark.CIRCLE),
        "b o-- a": (Mark.TAIL, Mark.CIRCLE),
    }
    for text, marks in edges.items():
        assert Graph.parse(text).edges == (Edge("a", "b", *marks),), text


def test_a_node_may_be_called_o():
    assert Graph.parse("o -> a; a -> o2; o->b").edges == (Edge("o", "a"), Edge("a", "o2"), Edge("o", "b"))


@pytest.mark.parametrize(
    ("text", "line", "column", "token", "message"),
    [
        ("a -> ", 1, 6, "", "Expected the name of a node, but the text ended"),
        ("a b", 1, 3, "b", "Expected an edge"),
        ("a -> b\nc - d", 2, 3, "-", "Expected an edge"),
        ('a -> "b', 1, 6, '"b', "a closing double quote"),
        ("x [laten]", 1, 4, "laten", "Did you mean 'latent'"),
        ("x [latent", 1, 3, "[latent", 'a closing "]"'),
        ("[cpdga]; a", 1, 2, "cpdga", "Did you mean 'cpdag'"),
        ("a -> {b, c}", 1, 6, "{b,", "the name of a node"),
        ("a @-> b", 1, 3, "@->", "Expected an edge"),
        ("digraph { a -> b -> }", 1, 21, "}", "Read as DOT: Expected the name of a node, but came '}'"),
        ("digraph {\n a <-> b }", 2, 4, "<->", "dir=both"),
        ("digraph { a -> b", 1, 17, "", "Expected '}', but the text ended"),
        ("digraph { a } b", 1, 15, "b", "nothing after the closing"),
        ("digraph { <b>x</b> -> a }", 1, 11, "<", "in double quotes"),
        ("digraph { kind=cpdga }", 1, 16, "cpdga", "Did you mean 'cpdag'"),
        ("digraph " + "{" * 9999, 1, 60, "{", "braces inside each other"),
        ("dag { a -> b [x=] }", 1, 17, "]", "Read as dagitty: Expected a value"),
        ("graph [ node [ id 1 ] edge [ source 1 target 2 ] ]", 1, 23, "edge", "target of an edge is 2"),
        ("graph [ node [ id 1 ] node [ id 1 ] ]", 1, 23, "node", "Two nodes have the id 1"),
        ("graph [ node [ id ] ]", 1, 19, "]", "Read as GML: Expected the value of 'id'"),
        ("graph [ node [ label 5 ] ]", 1, 9, "node", "an id in each node"),
        ("graph " + "[ a " * 9999, 1, 207, "[", "brackets inside each other"),
        ("  \n", 1, 1, "", "the text is empty"),
    ],
)
def test_errors_point_at_the_token(text, line, column, token, message):
    with pytest.raises(GraphSyntaxError) as caught:
        Graph.read(text)
    error = caught.value
    assert (error.line, error.column, error.token) == (line, column, token)
    assert message in str(error)
    shown = str(error).splitlines()
    if token and column < 40:
        caret = shown[2].index("^")
        assert shown[1][caret:].startswith(token[:1])


def test_a_failed_text_says_what_was_tried():
    with pytest.raises(GraphSyntaxError, match=r"aitia's text form(.|\n)*Not DOT(.|\n)*dagitty(.|\n)*GML"):
        Graph.read("a b")


def test_foreign_dot():
    # The graph that DoWhy's documentation writes, and Graphviz's other ways to say the same
    graph = Graph.read(
        'digraph { U[label="Unobserved Confounders", observed="no"]; Z -> T; U -> T; U -> Y; T -> Y; }'
    )
    assert graph == Graph.parse("Z -> T; U -> T; U -> Y; T -> Y; U [latent]")
    graph = Graph.read(
        """strict digraph "my graph" {
            graph [rankdir=LR]; node [shape=box]
            // a comment
            a:port:n -> {b c} [color=red] /* and
            another */
            subgraph cluster_0 { d; e -> f; label="box" }
            edge [dir=both] b -> c
            f -> a [dir=back]
        }"""
    )
    assert graph == Graph.parse("a -> b; a -> c; d; e -> f; b <-> c; a -> f")
    assert Graph.read("graph { a -- b -- c }") == Graph.parse("a -- b -- c")
    assert Graph.read("digraph{a->b[dir=none]}") == Graph.parse("a -- b")


def test_foreign_dagitty():
    # dagitty.net's own export, with positions, a bounding box and a group
    text = """dag {
        bb="0,0,1,1"
        X [exposure,pos="-0.5,0.1"]
        Y [outcome,pos="0.5,0.1"]
        U [latent,pos="0,0"]
        "Z 1" [adjusted]
        U -> {X Y}
        X -> Y [beta=0.5]
        "Z 1" -> X
        X <-> Y
        S [selected]
        Y -> S
    }"""
    assert Graph.read(text) == Graph.parse(
        'U -> X; U -> Y; X -> Y; "Z 1" -> X; X <-> Y; Y -> S; U [latent]; S [selected]'
    )
    assert Graph.read("pag { a @-> b <-@ c; a @-@ c }") == Graph.parse("a o-> b <-o c; a o-o c")
    assert Graph.read("pdag { a -- b -- c }").kind is GraphKind.CPDAG
    assert Graph.read("mag { a <-> b }").kind is GraphKind.PAG


def test_foreign_gml():
    # networkx.generate_gml and DoWhy's hand-written form
    made = networkx.DiGraph([("a b", "ü"), ("ü", 'c"d')])
    assert Graph.read("\n".join(networkx.generate_gml(made))) == Graph.parse('"a b" -> ü; ü -> "c\\"d"')
    text = 'graph[directed 1 node[id "U" label "U" observed "no"] node[id "X"] edge[source "U" target "X"]]'
    assert Graph.read(text) == Graph.parse("U -> X; U [latent]")
    assert Graph.read('Creator "yEd" Version 2 ' + text) == Graph.read(text)


@LAWS
@given(mixed_graphs(two_way=False, most=5), st.lists(NAMES, min_size=5, max_size=5, unique=True))
def test_networkx_reads_our_gml(graph, names):
    named = graph.relabel(dict(zip(sorted(graph.nodes), names)))
    theirs = networkx.parse_gml(named.to_gml())
    assert set(theirs.nodes) == set(named.nodes)
    assert set(theirs.edges) == {(edge.a, edge.b) for edge in named.edges}


def test_networkx_graphs():
    assert Graph.read(networkx.DiGraph([(1, 2), (2, "3")])) == Graph.parse("1 -> 2 -> 3")
    assert Graph.read(networkx.path_graph(["a", "b"])) == Graph.parse("a -- b")
    assert type(Graph.parse("a -> b").to_networkx()) is networkx.DiGraph
    mixed = Graph.parse("a -> b <-> a; u [latent]").to_networkx()
    assert mixed.number_of_edges("a", "b") == 2 and mixed.nodes["u"] == {"latent": True}
    with pytest.raises(GraphError, match="Two nodes of the networkx graph are written '1'"):
        Graph.read(networkx.DiGraph([(1, "1")]))
    with pytest.raises(GraphError, match="The marks of the edge"):
        Graph.read(networkx.DiGraph([("a", "b", {"marks": "->"})]))


def test_files(tmp_path):
    graph = Graph.parse('"a b" -> c; c <-> d; u [latent]')
    for name in ("text", "dot", "gml", "dagitty"):
        path = tmp_path / f"graph.{name}"
        path.write_text("\ufeff" * (name == "dot") + WRITERS[name](graph), encoding="utf-8")
        assert Graph.read(path) == Graph.read(str(path)) == graph
    assert Graph.read(graph) is graph
    (tmp_path / "broken.dot").write_text("digraph {")
    with pytest.raises(GraphSyntaxError, match=r"In the file .*broken.dot: Read as DOT"):
        Graph.read(tmp_path / "broken.dot")
    (tmp_path / "picture.dot").write_bytes(b"\x89PNG\r\n\xff")
    with pytest.raises(GraphError, match="is not UTF-8 text"):
        Graph.read(tmp_path / "picture.dot")
    for missing in (tmp_path / "none", str(tmp_path / "none.gml"), "none.dot"):
        with pytest.raises(GraphError, match="Cannot read the graph file"):
            Graph.read(missing)
    with pytest.raises(GraphError, match="Cannot read the graph file"):
        Graph.read(tmp_path)
    for odd in (5, None, json, ["a -> b"]):
        with pytest.raises(GraphError, match="but came an object of type"):
            Graph.read(odd)


def test_undirected_graphs_have_no_dagitty():
    moral = Graph.parse("a -> c <- b").moralised()
    assert Graph.read(moral.to_text()) == Graph.read(moral.to_dot()) == Graph.read(moral.to_gml()) == moral
    with pytest.raises(GraphError, match="dagitty has no undirected graphs"):
        moral.to_dagitty()


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='abo->< -;\n"[]{}=#,@\\graphdinoelt 01', max_size=40))
def test_any_text_gives_a_graph_or_a_named_error(text):
    # Any other exception fails the test.
    for prefix in ("", "digraph {", "dag {", "graph ["):
        with contextlib.suppress(GraphError):
            graph = Graph.read(prefix + text)
            assert Graph.read(graph.to_dot()) == graph
