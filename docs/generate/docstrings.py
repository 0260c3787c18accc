"""An extension of griffe: prose after "Returns" is no type, and <x²> and a*b are no markup."""

import re

import griffe

_TAG = re.compile(r"<(?=[^\W\d][^<>\n]*>)")
_STAR = re.compile(r"\*|(?<=[)\]])_")
_RETURNS = re.compile(r"^(Returns|Yields)\n-+\n(.*?)(?=\n\n\S[^\n]*\n-+\n|\Z)", re.DOTALL | re.M)


class AsWritten(griffe.Extension):
    """Change docstrings before they are parsed, so that they come out as they were meant."""

    def on_object(self, *, obj, **kwargs):
        """Change the text of one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = with_prose(escaped(obj.docstring.value))


def escaped(text: str) -> str:
    """Return Markdown in which no word in angles is a tag and no star or index is emphasis."""
    lines = [line if line.lstrip().startswith((">>>", "...")) else _plain(line)
             for line in text.split("\n")]  # fmt: skip
    return "\n".join(lines)


def _plain(line: str) -> str:
    parts = re.split(r"(`+[^`]*`+)", line)
    return "".join(
        x if x.startswith("`") else _STAR.sub(r"\\\g<0>", _TAG.sub("&lt;", x)) for x in parts
    )


def with_prose(text: str) -> str:
    """Return the docstring with each "Returns" as an item without name and type."""

    def item(match):
        body = match[2]
        if re.search(r"^ +\S", body, flags=re.MULTILINE):  # items of their own
            return match[0]
        indented = "\n".join(f"    {line}".rstrip() for line in body.split("\n"))
        return f"{match[1]}\n-------\n:\n{indented}"

    return _RETURNS.sub(item, text)
