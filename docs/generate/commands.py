"""The page of the command line, from settings and texts of its help: nothing is imported."""

import ast
from pathlib import Path
from typing import Any

from generate.markdown import table

_JSON = (
    "## JSON",
    "",
    "Every command has `--json`. Its stdout then holds one line, one JSON document; progress and "
    "the text for people go to stderr. Without success (exit code other than 0) stdout is empty.",
    "",
    "| key | |",
    "|---|---|",
    "| `jaxcr`, `command` | version, and which command it was |",
    "| `report` | the numbers of the printed text. One with an error or a unit is an object of "
    "`value`, `error` (`null` where none was measured) and `unit`; `value` and `error` may be "
    "lists |",
    "| `folder`, `files` | result folder, or `null`, and the files that were written |",
    "| `warnings` | sentences on what to keep in mind |",
    "| `numbers` | where there is a `result.h5`: what it holds, by group and name, in pc, µG, PV, "
    "1/pc and sr |",
    "| `left_out` | arrays with more than 10,000 numbers, which are not among `numbers`: the file "
    "that has each |",
    "",
    "Numbers that are infinite or not a number are `null`, for JSON has no word for them. "
    "`--show-config --json` gives the settings, under `report`, `configuration`.",
    "",
    "```sh",
    "jaxcr traps --mirror-ratio 3 --json | python -m json.tool",
    "jaxcr fit --json > fit.json 2> fit.log",
    "```",
    "",
    "Help and errors are coloured on terminals only, and not where `NO_COLOR` is set; progress "
    "bars are shown on terminals only.",
)


def page(folder: Path) -> str:
    """Return the page; ``folder`` holds the settings of the command line."""
    classes = _classes(folder)
    commands = _commands(folder / "config.py")
    said = _texts(folder / "help_text.py")
    lines = [
        "# Command line",
        "",
        "Every command prints its flags with `jaxcr COMMAND --help`. Commands with `--config` read "
        "a TOML file with the same names; flags override it, and `--show-config` prints what would "
        "be used. A flag of a truth value has a twin, `--no-NAME`.",
        "",
        "## Exit codes",
        "",
        table(("code", ""), [(f"`{code}`", text) for code, text in said["EXIT_CODES"].items()]),
        "",
        *_JSON,
    ]
    for command, name in commands.items():
        node = classes[name]
        lines += ["", f"## jaxcr {command}", "", *ast.get_docstring(node).split("\n"), ""]
        lines += [f"- `{line}`: {what}" for line, what in said["EXAMPLES"][command]]
        lines += ["", f"Files: {said['FILES'][command]}."]
        rows = list(_rows(node, classes, ""))
        if rows:
            lines += ["", table(("flag", "type", "default", ""), rows)]
    return "\n".join(lines) + "\n"


def _classes(folder: Path) -> dict[str, ast.ClassDef]:
    """Return the dataclasses of the settings by name."""
    found = {}
    for file in sorted(folder.glob("*config.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found |= {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    return found


def _texts(file: Path) -> dict[str, Any]:
    """Return the constants of the texts of help by name."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
    }


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
    for base in node.bases:  # settings that several commands begin with
        if ast.unparse(base) in classes:
            yield from _rows(classes[ast.unparse(base)], classes, prefix)
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
