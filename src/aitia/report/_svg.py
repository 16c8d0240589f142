"""Matplotlib figures as SVG that sits inside a page: no links, no scripts, ids of its own, the page's ink."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito's palette, which people with any common kind of colour blindness can tell apart.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8a8a8a"

# Text and axes are drawn in this colour, which the page replaces by its own ink, light or dark.
INK = "#1b1c1d"

_STYLE: Any = {
    "figure.figsize": (5.4, 3.2),
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    # A column may be called "$x_1$": names are names, not mathematics.
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "aitia",
}


@contextmanager
def style() -> Iterator[None]:
    """The look of every figure; figures are made and rendered inside it."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A name may hold letters that the font lacks; a box in their place is no reason to stop.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message=".*Matplotlib currently does not support.*")
        yield


def new_figure(width: float = 5.4, height: float = 3.2) -> tuple[Figure, Any]:
    """A figure with one set of axes, in inches, that no window ever shows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """A figure as an SVG element for a page.

    Args:
        figure: the figure, made inside `style`.
        name: a short name, unique on the page; it prefixes every id.
        description: what the figure shows, for those who cannot see it.
    """
    from xml.sax.saxutils import escape

    buffer = io.StringIO()
    with style():
        figure.savefig(
            buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Matplotlib writes each text beside its outlines as a comment; the page says it in words instead.
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(INK, "currentColor", text, flags=re.IGNORECASE)
    width, height = figure.get_size_inches() * 96
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width * 0.75:.6g} {height * 0.75:.6g}" width="{width:.0f}" height="{height:.0f}" '
        f'role="img" class="figure"><title>{escape(description)}</title>'
    )
    return opening + text[text.index(">") + 1 :]
