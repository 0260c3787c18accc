"""Numbers of result files inside the text: ``{{ FILE | PATH | FORMAT }}``.

FILE is a JSON file of the repository. PATH goes down through names and list indices, separated by
slashes; ``rows[stencil=Linear;dtype=float32]`` takes the one entry of a list that agrees. FORMAT
is a format specification, for example ``.2f``.
"""

import json
import re
from pathlib import Path

_FIELD = re.compile(r"\{\{([^|{}]+)\|([^|{}]+)\|([^|{}]+)\}\}")
_LINK = re.compile(r"\]\(repo:([^)#]+)(#[^)]*)?\)")


def resolved(markdown: str, root: Path, repository: str) -> str:
    """Return the text with its numbers filled in and its links to files of the repository.

    Raises
    ------
    FileNotFoundError
        For a link to a file that is not there.
    LookupError
        For a number that is not there.
    """
    filled = _FIELD.sub(lambda match: _value(root, *(x.strip() for x in match.groups())), markdown)
    return _LINK.sub(lambda match: f"]({_address(root, repository, match[1])})", filled)


def look_up(data: object, path: str) -> object:
    """Return what ``path`` leads to in ``data``.

    Raises
    ------
    LookupError
        When a name is missing, or not exactly one entry of a list agrees.
    """
    for name, condition in re.findall(r"([^/\[\]]+)(?:\[([^\]]*)\])?/?", path):
        data = data[int(name)] if isinstance(data, list) else data[name]
        if condition:
            wanted = dict(pair.split("=", 1) for pair in condition.split(";"))
            found = [x for x in data if all(str(x.get(k)) == v for k, v in wanted.items())]
            if len(found) != 1:
                raise LookupError(f"{path}: {len(found)} entries agree with {condition}")
            data = found[0]
    return data


def _value(root: Path, file: str, path: str, form: str) -> str:
    data = json.loads((root / file).read_text(encoding="utf-8"))
    return format(look_up(data, path), form)


def _address(root: Path, repository: str, target: str) -> str:
    path = root / target
    if not path.exists():
        raise FileNotFoundError(f"the documentation links to {target}, which is not there")
    kind = "tree" if path.is_dir() else "blob"
    return f"{repository}/{kind}/main/{target}"
