"""What must not leave with a report: secrets, and where this machine keeps its files.

Text is cleaned where it enters a page. The finished bytes are searched once more, and a page in
which anything is found is not put in its place.
"""

from __future__ import annotations

import html
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from orchestra_kit.core.errors import ReportError
from orchestra_kit.core.secrets import scrub
from orchestra_kit.reporting.images import drawings_in, without_images

__all__ = ["check_page", "holds_secret", "public_text"]

_PATH = re.compile(
    r"(?<![\w.:/\\<-])(?:/(?:[\w.@+~-]+/)+|[A-Za-z]:\\(?:[^\\\s<>\"|?*]+\\)+)(?P<last>[\w.@+~-]*)"
)
"""An absolute path of two parts or more, on Unix or Windows; not the path of a URL."""
_SHORTEST = 6
"""Shorter folders, such as /work, occur in harmless text."""


def public_text(text: str) -> str:
    """The text without secrets, and with the folders of absolute paths left out."""
    return scrub(_PATH.sub(lambda match: f"…/{match['last']}", text))


def holds_secret(text: str) -> bool:
    """Whether the text holds a secret that is in use, or something shaped like one."""
    return scrub(text) != text


def check_page(page: str, private: Iterable[Path]) -> None:
    """Raises ReportError when a page holds a secret, or the path of one of the `private` files
    or of this machine's own folders. Pictures are searched too."""
    plain = without_images(page)
    texts = [plain, html.unescape(plain), *drawings_in(page)]
    if any(holds_secret(text) for text in texts):
        raise ReportError(
            "The page would hold a secret, so that it was not written.",
            hint="Find out which text of the store holds a key, and forget that session.",
        )
    folders = {str(path) for path in (*private, *_own_folders()) if len(str(path)) > _SHORTEST}
    for folder in sorted(folders):
        if any(folder in text for text in texts):
            raise ReportError(
                "The page would tell where this machine keeps its files, so that it was not "
                "written.",
                hint="Please report this with the section in which a path stands.",
            )


def _own_folders() -> tuple[Path, ...]:
    return (
        Path.home(),
        Path.cwd(),
        Path(sys.prefix),
        Path(tempfile.gettempdir()) / "orchestra",
        Path(__file__).resolve().parents[2],
    )
