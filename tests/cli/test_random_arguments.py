"""Flags with any values: the parser, the configuration and the checks end with one message."""

import dataclasses
import typing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxcr.cli import checks, ensemble, orbits, traps
from jaxcr.cli.config import COMMANDS
from jaxcr.cli.field_source import check_source
from jaxcr.cli.main import main
from jaxcr.cli.toml_settings import to_toml

CHECKS = {
    "fit": checks.check_fit,
    "sky": checks.check_sky,
    "orbits": orbits._check,
    "traps": traps._check,
    "ensemble": ensemble._check,
    "field": lambda config: check_source(None, config.cube, config.turbulence),
}
"""What each command looks at before it makes a folder."""

WILD = st.one_of(
    st.sampled_from(
        ["0", "-1", "1", "2", "3.5", "1e400", "-1e400", "nan", "inf", "1e-320", "9" * 19, "9" * 30,
         "9" * 5000, "", "None", "x", "True", "--", "-", "=", "1/2", "gradient=0",
         "gradient=nan", "../..",
         "/dev/null", "/", "level", "periodic", "boris", "30PeV", "\x00", "\udcff", "é", "0x10"]
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=6),
)  # fmt: skip


def flags(kind, prefix="--"):
    """Return all flags of a command."""
    names = []
    for field in dataclasses.fields(kind):
        name, hint = prefix + field.name.replace("_", "-"), typing.get_type_hints(kind)[field.name]
        names += flags(hint, f"{name}.") if dataclasses.is_dataclass(hint) else [name]
    return names


@st.composite
def command_lines(draw):
    """A command with some of its flags, or wrong ones, and any values."""
    command = draw(st.sampled_from(sorted(COMMANDS)))
    known = [name for name in flags(COMMANDS[command]) if name != "--config"]
    words = [command]
    for _ in range(draw(st.integers(0, 4))):
        words.append(draw(st.sampled_from([*known, *known, "--no-cache", "--x", "-h", "--config"])))
        words += draw(st.lists(WILD, max_size=3))
    return words


@pytest.fixture
def only_checks(tmp_path, monkeypatch):
    """Let commands check their settings, and read them back from TOML, and do no more."""
    monkeypatch.chdir(tmp_path)

    def check(command):
        name = next(name for name, kind in COMMANDS.items() if kind is type(command))
        CHECKS.get(name, to_toml)(command)

    monkeypatch.setattr("jaxcr.cli.main._run", check)
    monkeypatch.setattr("jaxcr.cli.distributed.join_processes", lambda command: None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=command_lines())
def test_any_flags_end_with_a_message(only_checks, capsys, words):
    try:
        code = main(words)
    except SystemExit as ended:  # from the parser
        code = ended.code
    said = capsys.readouterr().err
    assert code in (0, 2)
    assert "Traceback" not in said
    assert len(said) < 20_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.one_of(WILD, st.sampled_from(sorted(COMMANDS))), max_size=4))
def test_any_words_end_with_a_message(only_checks, capsys, words):
    try:
        code = main(words)
    except SystemExit as ended:
        code = ended.code
    assert code in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("field --turbulence.cells 3000000", "--turbulence.cells: expected at most 8192, got"),
        ("orbits --num 100000000000", "--num: expected at most 4294967296, got"),
        ("sky --nside 1048576", "--nside: expected at most 8192, got 1048576"),
        ("field --turbulence.seed 99999999999999999999", "--turbulence.seed: expected at most"),
        ("field --cube.frame 1 -99999999999999999999", "--cube.frame: expected at most"),
    ],
)
def test_numbers_too_large_for_any_machine(capsys, words, message):
    assert main(words.split()) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "problem",
    [MemoryError("96 TiB"), OverflowError("to C long"), RecursionError("maximum depth"),
     RuntimeError("RESOURCE_EXHAUSTED: Out of memory")],
)  # fmt: skip
def test_what_does_not_fit_is_one_message(monkeypatch, capsys, problem):
    def lack(command):
        raise problem

    monkeypatch.setattr("jaxcr.cli.main._run", lack)
    assert main(["info"]) == 2
    assert capsys.readouterr().err == f"jaxcr: error: too large for this machine: {problem}\n"


def test_faults_of_the_program_are_not_hidden(monkeypatch):
    def fail(command):
        raise RuntimeError("a fault")

    monkeypatch.setattr("jaxcr.cli.main._run", fail)
    with pytest.raises(RuntimeError, match="a fault"):
        main(["info"])


@pytest.mark.parametrize("command", ["resume", "status", "merge", "info"])
def test_commands_without_settings_read_no_configuration(tmp_path, capsys, command):
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(SystemExit) as ended:
        main([command, "--config", str(tmp_path / "empty.toml")])
    assert ended.value.code == 2
    assert "--help" in capsys.readouterr().err
