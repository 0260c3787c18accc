"""The picture of the architecture: folders in their order, and which imports which."""

import ast
from html import escape
from pathlib import Path

_ROW, _LEFT, _TOP, _DOT = 34, 560, 84, 26
_WIDEST = 74  # characters of the small print
_INK, _BLUE, _PALE = "#22313f", "#0072b2", "#e8f1f8"


def order(test: Path) -> list[str]:
    """Return ORDER of the test that enforces it, without the file of the version."""
    for node in ast.parse(test.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ORDER":
            return [name for name in ast.literal_eval(node.value) if name != "_version"]
    raise ValueError(f"{test} names no ORDER")


def imports(package: Path, names: list[str]) -> dict[str, set[str]]:
    """Return which of the names each of them imports from, itself left out."""
    found = {}
    for name in names:
        folder = package / name
        files = folder.rglob("*.py") if folder.is_dir() else [package / f"{name}.py"]
        used = set().union(*(_imported(file) for file in files))
        found[name] = used & set(names) - {name}
    return found


def _imported(file: Path) -> set[str]:
    """Return the folders and files of the package that a file imports."""
    used = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jaxcr"):
            parts = node.module.split(".")
            used |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return used


def role(package: Path, name: str) -> str:
    """Return the first line of the docstring of a folder or file."""
    path = package / name / "__init__.py"
    path = path if path.exists() else package / f"{name}.py"
    about = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return about.splitlines()[0].rstrip(".")


def picture(package: Path, test: Path) -> str:
    """Return the picture as SVG: a row for each folder, a dot for each folder it imports from."""
    names = order(test)
    used = imports(package, names)
    width, height = _LEFT + _DOT * len(names) + 20, _TOP + _ROW * len(names) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" fill="{_INK}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{_LEFT}" y="16" font-size="12">imports from</text>',
    ]
    for i, name in enumerate(names):
        x = _LEFT + _DOT * i + _DOT / 2
        parts.append(
            f'<text x="{x}" y="{_TOP - 8}" font-size="11" '
            f'transform="rotate(-50 {x} {_TOP - 8})">{escape(name)}</text>'
        )
    for row, name in enumerate(names):
        parts += _row(row, name, role(package, name), [names.index(x) for x in used[name]])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(row: int, name: str, about: str, columns: list[int]) -> list[str]:
    """Return a box with the name, its role in small print, and the dots."""
    y = _TOP + _ROW * row
    if len(about) > _WIDEST:
        about = about[: _WIDEST - 2].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    edge = _LEFT + _DOT * row
    parts = [
        f'<rect x="8" y="{y + 3}" width="92" height="{_ROW - 6}" rx="4" fill="{_PALE}"/>',
        f'<text x="16" y="{y + 22}" font-size="13" font-weight="bold">{escape(name)}</text>',
        f'<text x="108" y="{y + 22}" font-size="11">{escape(about)}</text>',
        f'<line x1="{_LEFT}" y1="{y + _ROW}" x2="{edge + _DOT}" y2="{y + _ROW}" stroke="#d9d9d9"/>',
    ]
    middle = y + _ROW / 2
    parts += [
        f'<circle cx="{_LEFT + _DOT * i + _DOT / 2}" cy="{middle}" r="6" fill="{_BLUE}"/>'
        for i in columns
    ]
    return [*parts, f'<circle cx="{edge + _DOT / 2}" cy="{middle}" r="3" fill="#bbbbbb"/>']
