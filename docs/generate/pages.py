"""All generated pages and pictures of the documentation, by their address."""

import json
import os
from pathlib import Path

import yaml

from generate import (
    commands,
    layers,
    reference,
    sky_checks,
    spectrum_checks,
    speed,
    theory_checks,
    transport_checks,
    trap_checks,
    values,
)
from generate.descriptions import Description

CHECKS = (
    sky_checks.DESCRIPTIONS
    | transport_checks.DESCRIPTIONS
    | theory_checks.DESCRIPTIONS
    | trap_checks.DESCRIPTIONS
    | spectrum_checks.DESCRIPTIONS
)
BENCHMARKS = speed.DESCRIPTIONS
OPTIONAL = ("benchmarks/results/long_runs.json",)
"""Described, but made only on a machine of its own."""

_CITATION = "<!-- citation -->"
_VALIDATION = """\
# Validation

Every check of jaxcr against a closed form, another theory, another code or itself that takes more
than a test's time, with its numbers as they stand in the result files. Nothing on this page is
typed by hand but the explanations. What runs in seconds is in the test suite instead; speed is on
the page of [benchmarks](benchmarks.md).

**Not everything holds.** Errors from fits of one sky may be a twentieth too small
([five parameters from one sky](#closure-five-parameters-from-one-sky)); the chain of traps
misjudges escape times by a factor of two where particles scatter about once a trap
([four regimes](#chain-against-guiding-centres-in-four-regimes)); quasilinear theory misses orbits
even in weak turbulence ([theory against orbits](#kinetic-theory-against-orbits)).
"""

_BENCHMARKS = """\
# Benchmarks

Times of this code, beside other ways to the same numbers where there are any, with their
conditions. All were measured on the machine that is named under each table: on another, ratios
change, and absolute numbers more so. To measure your own installation: `jaxcr bench`.

Fair timing: everything is compiled before the clock starts unless the table says so, results are
waited for, and the other program does the same job to the same accuracy, or the difference is
stated.
"""


def all_pages(root: Path) -> dict[str, str]:
    """Return the Markdown of every generated page, and the picture that is text."""
    package, test = root / "jaxcr", root / "tests" / "test_package.py"
    return {
        **reference.pages(package),
        "how-to/command-line.md": commands.page(package / "cli"),
        "validation.md": _page(root, _VALIDATION, CHECKS),
        "benchmarks.md": _page(root, _BENCHMARKS, BENCHMARKS) + own_runs(root),
        "pictures/layers.svg": layers.picture(package, test),
    }


def all_pictures(root: Path) -> dict[str, Path]:
    """Return the pictures of the repository by their address on the site."""
    found = [root / x.picture for x in (CHECKS | BENCHMARKS).values() if x.picture]
    return {f"pictures/{path.name}": path for path in found}


def resolved(markdown: str, root: Path, repository: str) -> str:
    """Return the text of a page with numbers, citation and links to the repository filled in."""
    if _CITATION in markdown:
        markdown = markdown.replace(_CITATION, citation(root))
    return values.resolved(markdown, root, repository)


def citation(root: Path) -> str:
    """Return BibTeX of the package, from CITATION.cff."""
    about = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    authors = " and ".join("{" + author["name"] + "}" for author in about["authors"])
    lines = [
        "```bibtex",
        "@software{jaxcr,",
        f"  author  = {{{authors}}},",
        f"  title   = {{{about['title']}}},",
        f"  version = {{{about['version']}}},",
        f"  license = {{{about['license']}}},",
        "}",
        "```",
    ]
    return "\n".join(lines)


def _page(root: Path, top: str, descriptions: dict[str, Description]) -> str:
    """Return the top and a section for each file that is there."""
    parts = [top]
    for file, about in descriptions.items():
        if (root / file).exists():
            parts.append(_section(root, file, about))
        elif file not in OPTIONAL:
            raise FileNotFoundError(f"{file} is described but not there")
    return "\n".join(parts)


def _section(root: Path, file: str, about: Description) -> str:
    """Return heading, explanation, tables, picture, and where the numbers come from."""
    data = json.loads((root / file).read_text(encoding="utf-8"))
    lines = ["", f"## {about.title}", "", about.about]
    for block in about.tables(data):
        lines += ["", block]
    if about.picture:
        name = os.path.basename(about.picture)
        lines += ["", f"![{about.title}](pictures/{name})", "", f"*{about.caption}*"]
    versions = ", ".join(f"{k} {v}" for k, v in data.get("versions", {}).items())
    made = [data[key] for key in ("date", "machine", "device") if key in data]
    source = f"[{file}](repo:{file}) by [{about.command or about.script}](repo:{about.script})"
    lines += ["", "<small>" + "; ".join([source, *made, *([versions] if versions else [])])
              + ".</small>"]  # fmt: skip
    return "\n".join(lines) + "\n"


def own_run_files(root: Path) -> list[Path]:
    """Return the files that ``jaxcr bench`` wrote, which carry their own descriptions."""
    return sorted((root / "benchmarks" / "results").glob("bench*.json"))


def own_runs(root: Path) -> str:
    """Return the tables of ``jaxcr bench``, drawn by itself."""
    files = own_run_files(root)
    if not files:
        return ""
    from jaxcr import bench

    lines = ["", "## jaxcr bench", "", "What the command itself measured and wrote."]
    for file in files:
        name = file.relative_to(root).as_posix()
        lines += ["", f"### {name}", "", bench.run_table(bench.read_record(file))]
    return "\n".join(lines) + "\n"
