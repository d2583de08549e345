"""Pictures as data inside a page: small, inert, and readable again by the gate."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

__all__ = ["IMAGE_DATA", "data_address", "drawings_in", "size_of", "without_images"]

IMAGE_DATA = re.compile(
    r"data:image/(?:png;base64,[A-Za-z0-9+/=]+|svg\+xml,[\w.~%!*'();:@&=+$,/?\[\] -]+)"
)
"""The only addresses that an image of a page may have."""

_PLAIN = " !$()*+,-./:;=?@[]_~'"
"""What may stand in an address between double quotes as it is; it halves the coding's cost."""
_LONG_NUMBER = re.compile(r"(?<![\w.])(-?[1-9]\d*\.\d\d)\d+")
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_EMPTY_GROUP = re.compile(r"<g(?: id=\"[^\"]*\")?/>")
_LABELS = re.compile(r" (?:role|aria-label)=\"[^\"]*\"")
_GROUP_ID = re.compile(r"<g id=\"[^\"]*\"")
_GLYPH = re.compile(r"DejaVuSans-(Bold-|Oblique-)?")
_SIZE = re.compile(
    r'<svg[^>]*?\bwidth="(?P<width>[\d.]+)(?:pt|px)?"[^>]*?\bheight="(?P<height>[\d.]+)'
)


def data_address(kind: str, content: str) -> str:
    """The picture as a ``data:`` address; `content` is SVG text, or PNG in base64."""
    if kind == "image/svg+xml":
        return f"data:image/svg+xml,{quote(_slim(content), safe=_PLAIN)}"
    # Decoded and coded again, so that nothing but base64 can stand in the address.
    clean = base64.b64encode(base64.b64decode(content)).decode("ascii")
    return f"data:image/png;base64,{clean}"


def size_of(svg: str) -> tuple[int, int] | None:
    """Width and height of a drawing in CSS pixels, 4/3 a point; None where it does not say."""
    found = _SIZE.search(svg)
    if found is None:
        return None
    return round(float(found["width"]) * 4 / 3), round(float(found["height"]) * 4 / 3)


def drawings_in(page: str) -> Iterator[str]:
    """The SVG text of every drawing in a page."""
    for match in IMAGE_DATA.finditer(page):
        _, comma, content = match[0].partition("svg+xml,")
        if comma:
            yield unquote(content)


def without_images(page: str) -> str:
    """The page without its pictures' data."""
    return IMAGE_DATA.sub("", page)


def _slim(svg: str) -> str:
    """The drawing without what no eye can see: a hundredth of a point, layout, names of parts.

    The description goes, too: the page gives it to the image.
    """
    svg = _LABELS.sub("", _METADATA.sub("", svg), count=2)
    svg = _LONG_NUMBER.sub(r"\1", svg)
    svg = _GLYPH.sub(lambda match: (match[1] or "R")[0], svg)
    svg = _GROUP_ID.sub("<g", svg)
    svg = _EMPTY_GROUP.sub("", svg)
    svg = re.sub(r">\s+<", "><", svg)
    svg = re.sub(r"\s*\n\s*", " ", svg)
    return re.sub(r" (?=[MLQCz])|(?<=[MLQC]) ", "", svg).strip()
