"""The page of the command line, from the settings' dataclasses: nothing is imported."""

import ast
from pathlib import Path

from generate.markdown import table

_FILES = ("config.py", "ensemble_config.py", "experiment_config.py", "field_config.py")


def page(folder: Path) -> str:
    """Return the page; ``folder`` holds the settings of the command line."""
    classes = _classes(folder)
    commands = _commands(folder / "config.py")
    lines = [
        "# Command line",
        "",
        "Every command prints its flags with `jaxcr COMMAND --help`. Commands with `--config` read "
        "a TOML file with the same names; flags override it, and `--show-config` prints what would "
        "be used. A flag of a truth value has a twin, `--no-NAME`. Exit codes: 0; 2 for bad "
        "input, an unreadable file or a full disk; 130 and 143 after Ctrl-C and SIGTERM.",
    ]
    for command, name in commands.items():
        node = classes[name]
        lines += ["", f"## jaxcr {command}", "", *ast.get_docstring(node).split("\n")]
        rows = list(_rows(node, classes, ""))
        if rows:
            lines += ["", table(("flag", "type", "default", ""), rows)]
    return "\n".join(lines) + "\n"


def _classes(folder: Path) -> dict[str, ast.ClassDef]:
    """Return the dataclasses of the settings by name."""
    found = {}
    for file in _FILES:
        tree = ast.parse((folder / file).read_text(encoding="utf-8"))
        found |= {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    return found


def _commands(file: Path) -> dict[str, str]:
    """Return the class of each command, from the table ``COMMANDS``."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "COMMANDS":
            return {
                key.value: value.id
                for key, value in zip(node.value.keys, node.value.values, strict=True)
            }
    raise ValueError(f"{file} has no COMMANDS")


def _rows(node: ast.ClassDef, classes: dict[str, ast.ClassDef], prefix: str):
    """Yield flag, type, default and text of every setting, those of nested settings after it."""
    for item, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(item, ast.AnnAssign):
            continue
        name = item.target.id.replace("_", "-")
        kind = ast.unparse(item.annotation)
        if kind in classes:
            yield from _rows(classes[kind], classes, f"{prefix}{name}.")
            continue
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = " ".join(after.value.value.split())
        positional = "Positional" in kind
        flag = f"`{name.upper()}`" if positional else f"`--{prefix}{name}`"
        yield flag, _kind(item.annotation), _default(item.value), text


def _kind(node: ast.expr) -> str:
    """Return the type as a user writes it."""
    text = ast.unparse(node).replace("typing.", "").replace("tyro.conf.Positional", "")
    if "Literal" in text:
        options = [x.value for x in ast.walk(node) if isinstance(x, ast.Constant) and x.value]
        options = [x for x in options if isinstance(x, str)]
        return " ".join(f"`{x}`" for x in options)
    for long, short in (("tuple[", ""), (", ...", " …"), ("[", ""), ("]", ""), (" | None", "")):
        text = text.replace(long, short)
    names = {"str": "text", "int": "integer", "float": "number", "bool": "yes or no",
             "Path": "path"}  # fmt: skip
    words = [names.get(word, word) for word in text.split()]
    return " ".join(words)


def _default(node: ast.expr | None) -> str:
    """Return the default as it stands in the code; nothing where there is none."""
    if node is None:
        return "required"
    text = ast.unparse(node)
    if text in ("None", "()"):
        return ""
    if text.startswith("(") and text.endswith(")"):
        text = " ".join(ast.unparse(x) for x in node.elts)
    return f"`{text.strip(chr(39))}`".replace("'", "")
