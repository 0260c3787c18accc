"""What a result file is about, and which of its numbers are shown."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Description:
    """One section of a page.

    Attributes
    ----------
    title
        Heading.
    script
        What makes the file, from the root of the repository; or the module of a command.
    about
        Markdown: what was checked or timed, against what, and how to read the tables.
    tables
        From the content of the file to Markdown: a table, or a sentence with numbers.
    picture, caption
        A picture of the repository and what it shows.
    command
        What makes the file, if no script does.
    """

    title: str
    script: str
    about: str
    tables: Callable[[dict], list[str]]
    picture: str = ""
    caption: str = ""
    command: str = ""
