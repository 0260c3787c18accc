"""Bad input on the command line: one clear message, exit code 2, no traceback."""

import subprocess
import sys

import pytest

from jaxcr.cli.config import Fit, Info, Sky, from_toml, parse, to_toml
from jaxcr.cli.main import main


@pytest.fixture
def files(tmp_path):
    """Write the files that the table below names."""
    (tmp_path / "no_column.csv").write_text("ell,power\n1,1e-6\n")
    (tmp_path / "negative.csv").write_text("ell,c_ell\n1,1e-6\n2,-1e-8\n")
    (tmp_path / "unsorted.csv").write_text("ell,c_ell\n2,1e-7\n1,1e-6\n")
    (tmp_path / "word.csv").write_text("ell,c_ell\n1,abc\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "key.toml").write_text("num_start = 3\n")
    (tmp_path / "nested.toml").write_text("[sky]\nnsides = 8\n")
    (tmp_path / "type.toml").write_text('[sky]\nnside = "eight"\n')
    (tmp_path / "broken.toml").write_text("= 3\n")
    (tmp_path / "text.npz").write_text("not a field\n")
    (tmp_path / "exists").mkdir()
    return tmp_path


TABLE = [
    ("fit --target {}/no_column.csv", "columns: expected ell, c_ell"),
    ("fit --target {}/negative.csv", "debiased = true"),
    ("fit --target {}/unsorted.csv", "strictly rising order"),
    ("fit --target {}/word.csv", "column c_ell, row 1: expected a finite number, got 'abc'"),
    ("fit --target {}/empty.csv", "got an empty file"),
    ("fit --target {}/missing.csv", "expected a readable CSV file, got FileNotFoundError"),
    ("fit --target {}/negative.csv --simulate 1", "one of --target and --simulate, got both"),
    ("fit --config {}/key.toml", "unknown key 'num_start'. The nearest is 'num_starts'"),
    ("fit --config {}/nested.toml", "unknown key 'nsides'. The nearest is 'nside'"),
    ("fit --config {}/type.toml", "nside: expected int, got 'eight'"),
    ("fit --config {}/broken.toml", "expected a TOML file"),
    ("fit --config {}/missing.toml", "expected a TOML file"),
    ("fit --sky.nside 12", "--sky.nside: expected a power of two"),
    ("fit --sky.lmax 40", "3 nside - 1 = 23, got 40"),
    ("fit --skies 0", "--skies: expected at least 1, got 0"),
    ("fit --gradient-fields 1", "--gradient-fields: expected 0, or at least 2"),
    ("fit --out {}/exists", "expected a new folder, got a folder that exists"),
    ("fit --out {}/text.npz", "expected a new folder, got a file"),
    ("sky --nside 3", "--nside: expected a power of two"),
    ("sky --nside 8 --lmax 24", "--lmax: expected 0 ... 3 nside - 1 = 23"),
    ("sky --field {}/text.npz --out {}/new", "text.npz"),
    ("sky --cells 16 --per-pixel 3 --out {}/new2", "power of four"),
    (
        "sky --cells 32 --nside 2 --lmax 4 --radius 7 --rigidity 1 --max-path 7.5 --out {}/new3",
        "orbits that never reach the boundary: expected at most 1%",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), TABLE, ids=[row[0] for row in TABLE])
def test_one_message_and_exit_code_two(files, capsys, arguments, message):
    assert main(arguments.replace("{}", str(files)).split()) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("jaxcr: error:") == 1
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("fit --nsied 3", "Unrecognized options: --nsied"),
        ("fitt", "fit"),
        ("fit --sky.nside x", "invalid literal"),
        ("sky --pusher euler", "boris"),
        ("", "fit"),
    ],
)
def test_the_parser_ends_with_code_two(capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert message in captured.err + captured.out


def test_a_fit_without_float64_says_what_to_do():
    done = subprocess.run(
        [sys.executable, "-m", "jaxcr.cli.main", "fit"],
        capture_output=True, text=True, env={"JAX_ENABLE_X64": "0", "PATH": "/usr/bin"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "expected float64, got JAX_ENABLE_X64=0" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [Fit(), Sky(), Fit(num_starts=7), Sky(radius=(10.0, 20.0))])
def test_the_printed_configuration_reads_back_as_itself(tmp_path, command):
    (tmp_path / "config.toml").write_text(to_toml(command))
    assert from_toml(type(command), tmp_path / "config.toml") == command


def test_flags_override_the_configuration_file(tmp_path):
    (tmp_path / "config.toml").write_text("num_starts = 7\n[sky]\nnside = 16\n")
    command = parse(["fit", "--config", str(tmp_path / "config.toml"), "--num-starts", "9"])
    assert (command.num_starts, command.sky.nside) == (9, 16)


def test_info_names_versions_and_devices(capsys):
    assert isinstance(parse(["info"]), Info)
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert "diffrax" in printed
    assert "float64" in printed
