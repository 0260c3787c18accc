"""The reference: one page for each folder of the package, every public name with its docstring."""

import ast
from pathlib import Path

FOLDERS = (
    "fields", "kinetic", "orbits", "traps", "sky", "runs", "observed", "infer", "runtime",
    "plots", "bench", "experiments",
)  # fmt: skip
"""The command line is documented by its settings, on a page of its own."""


def public_names(tree: ast.Module) -> list[str]:
    """Return ``__all__`` of a module, from its text: nothing is imported."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    raise ValueError("a documented folder needs __all__")


def pages(package: Path) -> dict[str, str]:
    """Return the Markdown of each page by its address."""
    found = {f"reference/{folder}.md": _page(package, folder) for folder in FOLDERS}
    found["reference/units.md"] = "# Units\n\n::: jaxcr.units\n    options: {heading_level: 2}\n"
    return found


def _page(package: Path, folder: str) -> str:
    """Return classes first, then functions, then constants, each in the order of the alphabet."""
    tree = parsed(package / folder / "__init__.py")
    origin = {
        alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    groups = {"Classes": [], "Functions": [], "Constants": []}
    for name in sorted(public_names(tree)):
        kind, about = _kind(package, origin[name], name)
        entry = f"::: jaxcr.{folder}.{name}\n"
        groups[kind].append(f"- `{name}`{about and ': ' + about}" if about is not None else entry)
    about = ast.get_docstring(tree)
    lines = [f"# jaxcr.{folder}", "", about, "", "```python", f"from jaxcr import {folder}", "```"]
    for title, members in groups.items():
        if members:
            lines += ["", f"## {title}", "", *members]
    return "\n".join(lines) + "\n"


def _kind(package: Path, module: str, name: str) -> tuple[str, str | None]:
    """Return what a name is, found where it is defined, and for constants the text after it."""
    path = package.parent.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = parsed(file)
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if getattr(node, "name", "") == name:
            return ("Classes" if isinstance(node, ast.ClassDef) else "Functions"), None
        if isinstance(node, ast.ImportFrom) and name in (x.name for x in node.names):
            return _kind(package, node.module, name)
        if isinstance(node, ast.Assign | ast.AnnAssign) and name in _targets(node):
            said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            return "Constants", " ".join(after.value.value.split()) if said else ""
    raise LookupError(f"{module} does not define {name}")


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    """Return the names that a statement assigns to."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {x.id for target in targets for x in ast.walk(target) if isinstance(x, ast.Name)}


def parsed(file: Path) -> ast.Module:
    """Return the syntax of a file."""
    return ast.parse(file.read_text(encoding="utf-8"))
