"""The Python of a page: blocks, in order, each with the output that the page shows."""

import dataclasses
import re

_BLOCK = re.compile(
    r"(?P<slow><!-- slow -->\n)?```python\n(?P<source>.*?)```\n(?:\n```text\n(?P<shown>.*?)```\n)?",
    flags=re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes
    ----------
    source
        Python.
    shown
        What the page says that it prints; empty where it says nothing.
    slow
        Marked ``<!-- slow -->``; later blocks do not need it unless they are marked too.
    line
        Where it starts on the page.
    """

    source: str
    shown: str
    slow: bool
    line: int


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page of Markdown."""
    return [
        Block(
            match["source"],
            match["shown"] or "",
            bool(match["slow"]),
            page.count("\n", 0, match.start("source")) + 1,
        )
        for match in _BLOCK.finditer(page)
    ]
