"""The Python of the documentation runs, and prints what the pages show."""

import re
from pathlib import Path

import pytest
from generate import code

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if "```python" in path.read_text("utf-8")]
HEAVY = {"own-boundary", "path-and-radius"}
"""Half a minute each."""
_NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")


def _run(path, capsys, *, slow):
    namespace = {}
    for block in code.blocks(path.read_text(encoding="utf-8")):
        if block.slow and not slow:
            continue
        exec(compile("\n" * (block.line - 1) + block.source, str(path), "exec"), namespace)
        _compare(capsys.readouterr().out, block.shown, f"{path.name}, line {block.line}")


def _compare(printed, shown, where):
    """Compare words, and numbers to 3 %: skies are chaotic, processors round differently."""
    assert _NUMBER.sub("#", printed).split() == _NUMBER.sub("#", shown).split(), where
    for found, wanted in zip(_NUMBER.findall(printed), _NUMBER.findall(shown), strict=True):
        value = float(wanted.replace(",", ""))
        allowed = 0.03 * abs(value) + _last_place(wanted)
        if abs(value) < 1e-12:  # rounding
            allowed = 1e-10
        assert abs(float(found.replace(",", "")) - value) <= allowed, (where, found, wanted)


def _last_place(text):
    """Return what one more in the last digit would add."""
    mantissa, _, power = text.partition("e")
    return 1.01 * 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))


@pytest.mark.parametrize(
    "path",
    [pytest.param(x, marks=pytest.mark.slow) if x.stem in HEAVY else x for x in PAGES],
    ids=lambda p: p.stem,
)
def test_code_runs_and_prints_what_is_shown(path, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _run(path, capsys, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [x for x in PAGES if "<!-- slow -->" in x.read_text("utf-8")], ids=lambda p: p.stem
)
def test_all_code_runs_and_prints_what_is_shown(path, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _run(path, capsys, slow=True)


def test_a_wrong_output_is_seen():
    _compare("C_1 = 1.000e-06 sr", "C_1 = 1.010e-06 sr", "")
    with pytest.raises(AssertionError):
        _compare("dipole 0.91e-3", "dipole 0.70e-3", "")
    with pytest.raises(AssertionError):
        _compare("mean 1.0", "median 1.0", "")
    with pytest.raises(AssertionError):
        _compare("C_1 = 1.000e-06 sr", "C_1 = 1.100e-06 sr", "")
