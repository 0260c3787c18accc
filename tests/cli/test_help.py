"""Help teaches: examples that parse, files, exit codes; colours and bars are for terminals."""

import dataclasses
import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
import typing
from pathlib import Path

import pytest

from jaxcr import bench, experiments
from jaxcr.cli.config import COMMANDS, parse
from jaxcr.cli.help_text import EXAMPLES, EXIT_CODES, FILES
from jaxcr.cli.main import main

PROGRAM = [sys.executable, "-m", "jaxcr.cli.main"]


def say(capsys, *words):
    """Return what help prints."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def on_terminal(arguments, *, stderr_too=True, **environment):
    """Return what a terminal is sent, and what a pipe at stderr if that is none."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    done = subprocess.run(
        arguments, stdout=terminal, stderr=terminal if stderr_too else subprocess.PIPE,
        env=os.environ | {"TERM": "xterm"} | environment, check=False,
    )  # fmt: skip
    os.close(terminal)
    sent = b""
    while part := _read(reader):
        sent += part
    os.close(reader)
    return sent.decode(), (done.stderr or b"").decode()


def _read(reader):
    try:
        return os.read(reader, 4096)
    except OSError:  # what Linux says at the end
        return b""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_files_and_exit_codes(capsys, command):
    text = say(capsys, command)
    assert 1 <= len(EXAMPLES[command]) <= 3
    for line, what in EXAMPLES[command]:
        assert f"  {line}\n      {what}\n" in text
        assert isinstance(parse(shlex.split(line)[1:]), COMMANDS[command])
    said = re.search(r"Files:\n((?:  .*\n)+)", text)[1]
    assert said.split() == FILES[command].split()
    assert re.findall(r"^  (\d+) ", text, flags=re.MULTILINE) == [str(x) for x in EXIT_CODES]
    assert "--json" in text


def test_examples_name_what_there_is():
    for line, _ in (*EXAMPLES["bench"], *EXAMPLES["experiment"]):
        settings = parse(shlex.split(line)[1:])
        if line.startswith("jaxcr bench"):
            assert bench.select(settings.only)
        elif settings.names:
            assert experiments.select(settings.names)


def test_the_help_of_all_names_commands_and_exit_codes(capsys):
    text = say(capsys)
    assert re.findall(r"^  (\d+) ", text, flags=re.MULTILINE) == [str(x) for x in EXIT_CODES]
    for command in COMMANDS:
        assert f"• {command} " in text


def test_a_flag_of_many_commands_says_the_same_everywhere():
    found = {}
    for kind in COMMANDS.values():
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            found.setdefault(field.name, []).append((hints[field.name], field.default))
    assert len(found["json"]) == len(COMMANDS)
    for name in ("config", "show_config", "overwrite", "json", "out", "seed", "particles", "list",
                 "observer", "quick", "shard"):  # fmt: skip
        assert len(set(found[name])) == 1, name


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["ensemble", "--help"]])
def test_help_loads_no_library_but_that_of_the_command_line(words):
    # a library too many costs a second
    program = f"""
import sys
from jaxcr.cli.main import main
try:
    main({words})
except SystemExit:
    names = {{x.partition(".")[0] for x in sys.modules}} - sys.stdlib_module_names
    print(*names, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    loaded = set(done.stderr.split())
    assert "tyro" in loaded
    assert not loaded & {"jax", "numpy", "scipy", "matplotlib", "healpy", "h5py", "diffrax"}


def test_colours_are_for_terminals_that_want_them():
    help_ = [*PROGRAM, "traps", "--help"]
    assert "\x1b[" in on_terminal(help_)[0]
    assert "\x1b[" not in on_terminal(help_, NO_COLOR="1")[0]
    assert "\x1b[" not in on_terminal(help_, TERM="dumb")[0]
    done = subprocess.run(help_, capture_output=True, text=True, check=True)
    assert "\x1b[" not in done.stdout + done.stderr
    wrong = [*PROGRAM, "traps", "--sitess", "3"]
    assert "\x1b[" in on_terminal(wrong)[0]
    assert "\x1b[" not in on_terminal(wrong, stderr_too=False)[1]


def test_progress_is_for_terminals():
    loop = "from jaxcr.cli.output import progress_bar as p; list(p('a b', unit='x')(range(3)))"
    program = [sys.executable, "-c", loop]
    assert "a b: 100%" in on_terminal(program)[0]
    assert on_terminal(program, stderr_too=False)[1] == ""


def test_a_fault_ends_with_code_one_and_a_traceback():
    fault = "import jaxcr.cli.main as m\nm._run = lambda command: 1 / 0\nm.end_process()"
    done = subprocess.run(
        [sys.executable, "-c", fault, "info"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


def test_nobody_reads_any_more():
    for words in (["fit", "--help"], ["bench", "--list"]):
        run = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        run.stdout.close()
        said = run.stderr.read()
        run.stderr.close()
        assert (run.wait(), said) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize("words", [["traps", "--help"], ["sky", "--help"], ["bench", "--list"]])
def test_a_full_disk_under_stdout_is_one_message(words):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "jaxcr: error: [Errno 28] No space left on device\n"
