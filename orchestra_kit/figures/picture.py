"""A finished figure as a value: its drawing, its description in words, and its caption."""

from __future__ import annotations

import base64
import html
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from orchestra_kit.core.display import clean_text

__all__ = ["Picture", "figure_html", "rendering"]

_SALT = "orchestra_kit"
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_LONGEST = 1_500

_RULES: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#6b757d",
    "axes.facecolor": "white",
    "axes.labelcolor": "#3a444b",
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "grid.color": "#dfe3e6",
    "grid.linewidth": 0.8,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "path.simplify": True,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": _SALT,
    "text.color": "#1b2126",
    "text.parse_math": False,
    "xtick.color": "#3a444b",
    "xtick.labelsize": 9,
    "ytick.color": "#3a444b",
    "ytick.labelsize": 9,
}
"""matplotlib settings of every figure: glyphs as paths from the font that matplotlib ships and a
fixed salt, so that equal data give equal bytes; no mathematics, since labels are other people's
text."""


@contextmanager
def rendering() -> Iterator[None]:
    """Everything that creates or renders an artist happens in here."""
    with matplotlib.rc_context(_RULES), warnings.catch_warnings():
        # A model may be named in letters that the font lacks: boxes are drawn, nothing fails.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn figure. It shows itself in Jupyter, with `alt` where screen readers look for it."""

    svg: str = field(repr=False)
    alt: str
    """The finding, the range and the extremes in words, from the same data."""
    caption: str
    """n, source and period."""
    figure: Figure = field(repr=False, compare=False)
    """The drawing, for further work; no window or pyplot state holds it."""

    @classmethod
    def of(cls, figure: Figure, *, alt: str, caption: str) -> Picture:
        """Renders a figure; raises ValueError where the words are missing."""
        alt, caption = (clean_text(t.strip(), longest=_LONGEST) for t in (alt, caption))
        if not alt or not caption:
            raise ValueError("a figure needs a description (alt) and a caption")
        return cls(svg=_labelled(_svg(figure), alt), alt=alt, caption=caption, figure=figure)

    def png(self, *, dpi: int = 160) -> bytes:
        """The drawing as PNG."""
        target = io.BytesIO()
        with rendering():
            self.figure.savefig(target, format="png", dpi=dpi, metadata={"Software": None})
        return target.getvalue()

    def save(self, path: Path | str) -> Path:
        """Write an .svg or .png file; raises ValueError for another ending.

        The file has the caption as its description, so that it is not lost on the way.
        """
        target = Path(path)
        if target.suffix.lower() == ".svg":
            about = f"<desc>{html.escape(self.caption)}</desc>"
            text = re.sub(r"(<svg\b[^>]*>)", lambda m: m[1] + about, self.svg, count=1)
            target.write_text(text, encoding="utf-8", newline="\n")
        elif target.suffix.lower() == ".png":
            target.write_bytes(self.png())
        else:
            raise ValueError(f"{target.name}: a figure is saved as .svg or .png")
        return target

    def to_html(self) -> str:
        """The figure with its caption, as one piece of HTML that loads nothing."""
        return figure_html(self.svg, self.alt, self.caption)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data = {
            "image/svg+xml": self.svg,
            "text/html": self.to_html(),
            "text/plain": f"{self.alt}\n{self.caption}",
        }
        return data, {"image/svg+xml": {"alt": self.alt, "caption": self.caption}}


def figure_html(svg: str, alt: str, caption: str) -> str:
    """An SVG as an image with its caption: as an image its ids cannot clash with another's."""
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return (
        '<figure style="margin:0">'
        f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(alt)}" '
        'style="max-width:100%;background:white">'
        f'<figcaption style="font-size:85%;opacity:.8;max-width:46em">{html.escape(caption)}'
        "</figcaption></figure>"
    )


def _svg(figure: Figure) -> str:
    target = io.StringIO()
    with rendering():
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    text = target.getvalue()
    # Comments repeat every label; the prologue names an address that nobody needs to load.
    return _COMMENT.sub("", text[text.index("<svg") :])


def _labelled(svg: str, alt: str) -> str:
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(alt)}" ', 1)
