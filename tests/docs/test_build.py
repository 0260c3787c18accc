"""The documentation builds without a warning, and what is generated is complete."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from generate import layers, pages, reference

from jaxcr.cli.config import COMMANDS, parse

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RESULTS = [
    path.relative_to(ROOT).as_posix()
    for folder in ("experiments/results", "benchmarks/results")
    for path in sorted((ROOT / folder).glob("*.json"))
]
FOLDERS = sorted(x.parent.name for x in (ROOT / "jaxcr").glob("*/__init__.py"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build everything once, in a process of its own; strict: a warning ends it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "-f",
            str(ROOT / "mkdocs.yml"),
            "-d",
            str(folder),
        ],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return folder


def test_pages_are_there_with_equations_pictures_and_nothing_unresolved(site):
    found = {x.parent.relative_to(site).as_posix() for x in site.rglob("index.html")}
    assert {"tutorial", "validation", "benchmarks", "comparison", "citation"} <= found
    assert {f"reference/{folder}" for folder in reference.FOLDERS} <= found
    for page in site.rglob("index.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"\{\{[^}]*\.json", text), page
        assert "repo:" not in text, page
        for source in re.findall(r'<img[^>]*src="([^"]+)"', text):
            assert source.startswith("data:") or (page.parent / source).exists(), (page, source)
    conventions = (site / "explanation/conventions/index.html").read_text(encoding="utf-8")
    assert 'class="arithmatex"' in conventions
    assert "mathjax" in conventions


def test_the_reference_holds_every_public_name(site):
    for folder in reference.FOLDERS:
        tree = reference.parsed(ROOT / "jaxcr" / folder / "__init__.py")
        text = (site / "reference" / folder / "index.html").read_text(encoding="utf-8")
        for name in reference.public_names(tree):
            assert f'id="jaxcr.{folder}.{name}"' in text or f"<code>{name}</code>" in text, name


def test_averages_in_docstrings_are_not_lost_as_html(site):
    text = (site / "reference/sky/index.html").read_text(encoding="utf-8")
    assert "&lt;w²&gt;" in text


def test_every_result_file_is_described_and_shown(site):
    described = pages.CHECKS | pages.BENCHMARKS
    own = [x.relative_to(ROOT).as_posix() for x in pages.own_run_files(ROOT)]
    undescribed = [name for name in RESULTS if name not in described and name not in own]
    assert not undescribed, f"add a Description to docs/generate for {undescribed}"
    shown = "".join(
        (site / page / "index.html").read_text(encoding="utf-8")
        for page in ("validation", "benchmarks")
    )
    for name in (*RESULTS, "experiments/mhd_snapshot/result.json"):
        assert name in shown
    for about in described.values():
        assert (ROOT / about.script).exists()


def test_shortfalls_are_on_the_page(site):
    text = html.unescape((site / "validation/index.html").read_text(encoding="utf-8"))
    assert "DOES NOT CLOSE" in text
    assert "95 % hold 91 %" in text  # the index from one sky


def test_the_architecture_page_matches_the_code():
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^### (.+)$", page, flags=re.MULTILINE))
    files = {
        "units",
        "arrays",
        "checks",
        "annotations",
        "compilation",
        "devices",
        "vectors",
        "legendre",
        "statistics",
    }
    described = {x for heading in headings for x in heading.split(", ")}
    assert described == {*FOLDERS, *files}
    names = layers.order(ROOT / "tests" / "test_package.py")
    assert set(names) == described
    used = layers.imports(ROOT / "jaxcr", names)
    assert used["sky"] >= {"fields", "orbits"}
    for row, name in enumerate(names):
        assert all(names.index(x) < row for x in used[name])
    picture = layers.picture(ROOT / "jaxcr", ROOT / "tests" / "test_package.py")
    assert picture.count('r="6"') == sum(map(len, used.values()))
    for name in names:
        assert f">{name}</text>" in picture
    for part in ("field", "pusher", "boundary", "likelihood"):
        assert f"## How to add a {part}" in page


def test_the_command_line_page_has_the_flags_of_help(capsys):
    page = pages.all_pages(ROOT)["how-to/command-line.md"]
    sections = dict(re.findall(r"## jaxcr (\S+)\n(.*?)(?=\n## |\Z)", page, flags=re.DOTALL))
    assert list(sections) == list(COMMANDS)
    for command, section in sections.items():
        with pytest.raises(SystemExit):
            parse([command, "--help"])
        said = set(re.findall(r"--[a-z][a-z0-9.-]*", _first_column(capsys.readouterr().out)))
        written = set(re.findall(r"^\| `(--[a-z0-9.-]+)`", section, flags=re.MULTILINE))
        assert written <= said
        twins = {re.sub(r"--((?:[a-z-]+\.)*)", r"--\1no-", flag, count=1) for flag in written}
        assert said <= written | twins | {"--help"}


def _first_column(text: str) -> str:
    """Return the lines of help that start with a flag; explanations are indented farther."""
    return "\n".join(re.findall(r"^\W? -.*", text, flags=re.MULTILINE))


def test_the_citation_is_that_of_the_package():
    text = pages.citation(ROOT)
    assert "0.1.0" in text
    assert "The jaxcr developers" in text


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda p: p.stem)
def test_commands_on_the_pages_are_commands(path):
    text = path.read_text(encoding="utf-8")
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
        for line in block.splitlines()
        if line.startswith("jaxcr ")
    ]
    for line in (*lines, *re.findall(r"`(jaxcr [^`]+)`", text)):
        words = line.split()[1:]
        if words[0] in COMMANDS and "COMMAND" not in line and words != ["merge"]:
            needs = {"resume", "status"} & {words[0]}
            parse([*words, *(["folder"] if needs and len(words) == 1 else [])])


def test_documentation_names_no_file_that_is_not_there():
    for path in DOCS.rglob("*.md"):
        for name in re.findall(
            r"`((?:experiments|benchmarks|examples|docs|tests)/[\w./-]+)`",
            path.read_text(encoding="utf-8"),
        ):
            assert (ROOT / name).exists(), (path, name)
