"""The package as a whole: lazy, layered, and without healpy at import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jaxcr

PACKAGE = Path(jaxcr.__file__).parent
ORDER = (
    "_version", "arrays", "checks", "annotations", "compilation", "devices", "units", "vectors",
    "legendre", "statistics", "untrusted", "runtime", "fields", "kinetic", "orbits", "traps", "sky",
    "runs", "observed", "infer", "plots", "bench", "experiments", "cli",
)  # fmt: skip
"""The order of the data flow: each imports only from those before it."""


def _modules_after(statement: str) -> str:
    script = f"import sys; {statement}; print(' '.join(sys.modules))"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()


def test_importing_the_package_and_the_command_line_imports_no_jax():
    assert "jax" not in _modules_after("import jaxcr, jaxcr.cli.main")


@pytest.mark.parametrize(
    "folder", ["fields", "kinetic", "orbits", "traps", "sky", "infer", "observed"]
)
def test_folders_leave_optional_packages_alone_until_they_are_used(folder):
    loaded = _modules_after(f"from jaxcr import {folder}")
    assert "jax" in loaded
    assert not {"healpy", "jaxht", "blackjax", "matplotlib"} & set(loaded)


def test_unknown_name_lists_what_there_is():
    with pytest.raises(AttributeError, match=r"no attribute 'skies'; it has .*sky"):
        jaxcr.skies  # noqa: B018


def test_the_stub_names_what_is_loaded_lazily():
    stub = (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")
    for name in jaxcr.__all__:
        assert name in stub


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_each_file_imports_only_from_above(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jaxcr"):
            parts = node.module.split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        for name in names:
            assert ORDER.index(name) <= ORDER.index(own), f"{path.name} imports {name}"
