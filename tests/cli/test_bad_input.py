"""Bad input on the command line: one clear message, exit code 2, no traceback."""

import io
import os
import pickle
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxcr import infer, orbits, runs, sky, traps
from jaxcr.cli.config import (
    COMMANDS,
    Field,
    Fit,
    Info,
    Orbits,
    Sky,
    SkyConfig,
    TrapConfig,
    Traps,
    parse,
)
from jaxcr.cli.field_config import CubeConfig, TurbulenceConfig
from jaxcr.cli.main import main
from jaxcr.cli.sky_config import WindowConfig
from jaxcr.cli.toml_settings import from_toml, to_toml


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Write the files that the table below names, and go there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAXCR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "no_column.csv").write_text("ell,power\n1,1e-6\n")
    (tmp_path / "negative.csv").write_text("ell,c_ell\n1,1e-6\n2,-1e-8\n")
    (tmp_path / "unsorted.csv").write_text("ell,c_ell\n2,1e-7\n1,1e-6\n")
    (tmp_path / "word.csv").write_text("ell,c_ell\n1,abc\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "key.toml").write_text("num_start = 3\n")
    (tmp_path / "nested.toml").write_text("[sky]\nnsides = 8\n")
    (tmp_path / "type.toml").write_text('[sky]\nnside = "eight"\n')
    (tmp_path / "broken.toml").write_text("= 3\n")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "flat.toml").write_text("sky = 3\n")
    (tmp_path / "bool.toml").write_text("num_starts = true\n")
    (tmp_path / "list.toml").write_text('path = [0.3, "x"]\n')
    (tmp_path / "scalar.toml").write_text("path = 0.3\n")
    (tmp_path / "path.toml").write_text("target = 3\n")
    (tmp_path / "choice.toml").write_text('pusher = "euler"\n')
    (tmp_path / "strange.toml").write_text("qqqq = 3\n")
    (tmp_path / "high.csv").write_text("ell,c_ell\n1,1e-6\n17,1e-9\n")
    (tmp_path / "binary.csv").write_bytes(b"\x89PNG\xff")
    (tmp_path / "text.npz").write_text("not a field\n")
    np.save(tmp_path / "b.npy", np.ones((4, 4, 4, 3)))
    (tmp_path / "exists").mkdir()
    return tmp_path


SMALL_BOX = "--turbulence.cells 16 --turbulence.outer-scale 6"
TABLE = [
    ("fit --target {}/no_column.csv", "columns: expected ell, c_ell"),
    ("fit --target {}/negative.csv", "debiased = true"),
    ("fit --target {}/unsorted.csv", "strictly rising order"),
    ("fit --target {}/word.csv", "column c_ell, row 1: expected a finite number, got 'abc'"),
    ("fit --target {}/empty.csv", "got an empty file"),
    ("fit --target {}/missing.csv", "expected a readable CSV file, got No such file"),
    (
        "fit --target {}/negative.csv --simulate 1",
        "--target, --simulate: expected one of them, got both",
    ),
    ("fit --config {}/key.toml", "unknown key 'num_start'. The nearest is 'num_starts'"),
    ("fit --config {}/nested.toml", "unknown key 'nsides'. The nearest is 'nside'"),
    ("fit --config {}/type.toml", "nside: expected int, got 'eight'"),
    ("fit --config {}/broken.toml", "expected a TOML file"),
    ("fit --config {}/missing.toml", "expected a TOML file"),
    ("fit --config {}/bytes.toml", "expected a TOML file"),
    ("fit --config {}/flat.toml", "sky: expected a table, got 3"),
    ("fit --config {}/bool.toml", "num_starts: expected int, got True"),
    ("sky --config {}/list.toml", "path: expected float, got 'x'"),
    ("sky --config {}/scalar.toml", "path: expected a list of numbers, got 0.3"),
    ("fit --config {}/path.toml", "target: expected a path in quotes, got 3"),
    ("sky --config {}/choice.toml", "pusher: expected 'boris' or 'diffrax', got 'euler'"),
    (
        "sky --config {}/strange.toml",
        "unknown key 'qqqq'. Valid are config, show_config, ",
    ),
    ("fit --sky.nside 12", "--sky.nside: expected a power of two"),
    ("fit --sky.lmax 40", "3 nside - 1 = 23, got 40"),
    ("fit --skies 0", "--skies: expected at least 1, got 0"),
    ("fit --target-skies 0", "--target-skies: expected at least 1, got 0"),
    ("fit --num-starts 0", "--num-starts: expected at least 1, got 0"),
    ("fit --adam-steps 0", "--adam-steps: expected at least 1, got 0"),
    ("fit --traps.num-sites 2", "--traps.num-sites: expected at least 3, got 2"),
    ("fit --traps.edge-width -1", "--traps.edge-width: expected a number in [0, 1.5708], got -1"),
    ("fit --sky.num-fields 1", "--sky.num-fields: expected at least 2, got 1"),
    ("fit --sky.observers-per-axis 0", "--sky.observers-per-axis: expected at least 1, got 0"),
    ("fit --sky.per-pixel 1", "--sky.per-pixel: expected a power of four, 4, 16, ..., got 1"),
    ("fit --sky.per-pixel 3", "--sky.per-pixel: expected a power of four, 4, 16, ..., got 3"),
    ("fit --sky.gyroradius 0", "--sky.gyroradius: expected a positive number, got 0"),
    ("fit --sky.path nan", "--sky.path: expected a finite number, got nan"),
    ("fit --sky.num-nodes 3", "--sky.num-nodes: expected at least 4, got 3"),
    ("fit --sky.vary level level", "--sky.vary: expected one parameter of the turbulence or more"),
    ("fit --plant gradient=0.2", "--plant: expected --simulate beside it"),
    ("fit --fix etta=0 --out {}/new", "one of ln A, ln dB/B0, ln(R-1), gradient, got 'etta'"),
    (
        "fit --fix gradient=2 --out {}/new",
        "--fix: gradient: expected a number from 0 to 0.6, got 2",
    ),
    (
        "fit --fix gradient=x --out {}/new",
        "--fix: gradient: expected a number from 0 to 0.6, got 'x'",
    ),
    ("fit --sky.cells 32 --no-cache --out {}/new", "outer_scale: expected at most the box"),
    (
        "fit --target {}/high.csv --out {}/new",
        "at most 16, the largest of the simulated skies",
    ),
    ("fit --target {}/binary.csv", "expected a readable CSV file, got 'utf-8' codec"),
    ("fit --recompute", "--recompute: expected --energy beside it, got none"),
    ("fit --energy 20", "energy: expected a positive number with GeV, TeV, PeV, got '20'"),
    ("fit --energy 45TeV --out {}/new", "expected one of 20TeV, 100TeV, 750TeV, 7.5PeV, 30PeV"),
    ("fit --energy 35TeV --out {}/new", "can be simulated: --recompute"),
    ("fit --energy 20TeV --sky.nside 4", "--sky.*, --energy: expected one of them, got both"),
    ("fit --gradient-fields 1", "--gradient-fields: expected 0, or at least 2"),
    ("fit --out {}/exists", "expected a new folder, got a folder that exists"),
    ("fit --out {}/text.npz", "expected a new folder, got a file"),
    ("fit --out {}/text.npz/below", "expected a folder that can be made"),
    ("sky --out {}/exists", "expected a new folder, got a folder that exists: "),
    ("sky --out {}/text.npz --overwrite", "expected a new folder, got a file"),
    ("sky --nside 3", "--nside: expected a power of two"),
    ("sky --nside 8 --lmax 24", "--lmax: expected 0 ... 3 nside - 1 = 23"),
    (
        "sky --cube.file {}/text.npz --out {}/new",
        "expected an NPZ, NPY, HDF5, FITS or VTK file, got",
    ),
    ("sky --cube.file {}/missing.npz --out {}/new", "missing.npz (No such file or directory)"),
    ("sky --cube.file {}/b.npy --cube.shipped", "--cube.file, --cube.shipped: expected one"),
    ("sky --observer 1 2", "--observer: expected three numbers, got 2"),
    ("orbits --path 0", "--path: expected a positive number, got 0"),
    ("orbits --samples 0", "--samples: expected a positive number, got 0"),
    ("orbits --num 0", "--num: expected a positive number, got 0"),
    ("orbits --radius -3", "--radius: expected a positive number, got -3"),
    ("orbits --num 100 --groups 16", "--groups: expected at least 2, and a divisor of --num 100"),
    ("orbits --position 1 2", "--position: expected three numbers, got 2"),
    ("orbits --spread -1", "--spread: expected a length, or 0, got -1"),
    (
        "orbits --rigidity 0",
        "--rigidity: expected a rigidity in PV other than 0, from 1e-09",
    ),
    ("orbits --particles 30PeV --cube.shipped", "--particles, --cube: expected one of them"),
    ("traps --mirror-ratio 1", "trap_from_ratio: mirror_ratio, gradient: expected mirror_ratio"),
    ("traps --mirror-ratio nan", "--mirror-ratio: expected a finite number, got nan"),
    ("traps --gradient 3", "trap_from_ratio: mirror_ratio, gradient: expected mirror_ratio"),
    ("traps --sites 0", "--sites: expected a whole number from 3 to 1000, got 0"),
    ("traps --source 41", "--source: expected a whole number from 1 to 40, got 41"),
    ("traps --place 1", "--place: expected a whole number from 2 to 39, got 1"),
    ("traps --scattering-rate -1", "--scattering-rate: expected a positive number, got -1"),
    ("traps --length 0", "--length: expected a positive number, got 0"),
    ("traps --loss-rate -1", "--loss-rate: expected a number >= 0, got -1"),
    ("traps --edge-width nan", "--edge-width: expected a finite number, got nan"),
    ("traps --left-end reflecting --right-end reflecting", "expected a way out, got none"),
    ("traps --fit {}/no_column.csv", "columns: expected site, occupation, error, got ell, power"),
    ("traps --fit {}/none.csv", "expected a readable CSV file, got No such file"),
    ("orbits --out {}/exists", "expected a new folder, got a folder that exists: "),
    (
        "field --cube.file {}/b.npy --out {}/new",
        "--cube.axes xyzc --cube.unit uG --cube.spacing 1 --cube.origin 0 0 0 "
        "--cube.boundary periodic",
    ),
    (
        "field --cube.file {}/b.npy --cube.axes xyzc --cube.spacing 2 --out {}/new",
        "--cube.unit, --cube.origin, --cube.boundary: expected what ",
    ),
    (
        "field --cube.file {}/b.npy --cube.axes xyzc --cube.unit gaus --cube.spacing 1 "
        "--cube.origin 0 0 0 --cube.boundary periodic --out {}/new",
        "unit: expected a positive number of µG, or uG, muG, nG, nT, G, T, or G/sqrt(4pi)",
    ),
    (
        "field --cube.shipped --turbulence.rms 2 --turbulence.mean-field 1 --out {}/new",
        "--turbulence.rms, --turbulence.mean-field, --cube: expected one of them, got both",
    ),
    ("sky --cube.shipped --turbulence.cells 64", "--turbulence.cells, --cube: expected one"),
    ("orbits --cube.shipped --turbulence.cells 64", "--turbulence.cells, --cube: expected one"),
    (
        "field --cube.file {}/b.npy --cube.origin 1 2 --out {}/new",
        "--cube.origin: expected three numbers, got 2",
    ),
    (
        "field --cube.shipped --cube.injection-scale 10 --out {}/new",
        "injection_cells, injection_scale: expected both or neither",
    ),
    ("field --turbulence.outer-scale 100 --out {}/new", "at most the box, 64 pc, got 100"),
    ("field --turbulence.geometry fast --out {}/new", "Fast: index of the spectrum: expected 1.5"),
    (
        "field --turbulence.geometry alfven --turbulence.helicity 0.5 --out {}/new",
        "--turbulence.helicity: expected none for waves of one polarisation",
    ),
    ("field --out {}/exists", "expected a new folder, got a folder that exists"),
    ("sky --per-pixel 3", "--per-pixel: expected a power of four, 4, 16, ..., got 3"),
    ("sky --per-pixel 1", "--per-pixel: expected a power of four, 4, 16, ..., got 1"),
    ("sky --path -5", "--path: expected a positive number, got -5"),
    ("sky --radius 3 -1", "--radius: expected a positive number, got -1"),
    ("sky --max-path 0", "--max-path: expected a positive number, got 0"),
    ("sky --response-width 0", "--response-width: expected a positive number, got 0"),
    ("sky --events 0", "--events: expected a number >= 1, got 0"),
    ("sky --lmax 1", "--lmax: expected at least 2, got 1"),
    ("sky --realisations 0", "--realisations: expected at least 1, got 0"),
    ("sky --realisations 3 --cube.shipped", "--realisations: expected 1 with a cube, got 3"),
    ("sky --particles 30PeV --cube.shipped", "--particles, --cube: expected one of them"),
    ("sky --window.bin-width 0", "--window.bin-width: expected a number in [1, 24], got 0"),
    (
        "sky --turbulence.cells 16 --out {}/new",
        "outer_scale: expected at most the box, 8 pc, got 25.6",
    ),
    ("sky --rigidity 0", "--rigidity: expected a rigidity in PV other than 0, from 1e-09"),
    (f"sky {SMALL_BOX} --radius 20 10 --out {{}}/new", "strictly rising order, got [20.0, 10.0]"),
    (
        f"sky {SMALL_BOX} --nside 2 --lmax 4 --radius 7 --rigidity 1 --max-path 7.5 --out {{}}/new",
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
    assert not (files / "new").exists()  # so that the corrected command may use the name
    assert not list(files.glob("jaxcr-results/*"))


SOONER = [
    ("sky --observer nan 0 0", "--observer: expected a finite number, got nan"),
    ("sky --rigidity 1e-300", "--rigidity: expected 0, or a size from 1e-30 to 1e+30, got 1e-300"),
    ("sky --rigidity 1e-20", "--rigidity: expected a rigidity in PV other than 0, from 1e-09"),
    ("sky --amplitude 0", "--amplitude: expected a number other than 0"),
    ("sky --amplitude inf", "--amplitude: expected a finite number, got inf"),
    ("sky --boundary convection --amplitude 2", "--amplitude: expected a number in (-1, 1), got 2"),
    ("sky --window.bin-width 99", "--window.bin-width: expected a number in [1, 24], got 99"),
    ("sky --window.declination 99", "--window.declination: expected a number in [-90, 90], got 99"),
    ("sky --radius 2 1", "--radius: expected lengths in strictly rising order, got [2.0, 1.0]"),
    ("sky --path 2 1", "--path: expected lengths in strictly rising order, got [2.0, 1.0]"),
    ("sky --path 1e300", "--path: expected 0, or a size from 1e-30 to 1e+30, got 1e+300"),
    ("sky --radius 20 --max-path 2", "--max-path: expected a number >= 20, got 2"),
    ("sky --events 1e-20", "--events: expected a number >= 1, got 1e-20"),
    ("orbits --num 1", "--groups: expected at least 2, and a divisor of --num 1, got 16"),
    ("orbits --position nan 0 0", "--position: expected a finite number, got nan"),
    ("orbits --rigidity 1e-20", "--rigidity: expected a rigidity in PV other than 0, from 1e-09"),
    ("ensemble --num 1", "--num: expected a number >= 32, got 1"),
    ("ensemble --observer 0 nan 0", "--observer: expected a finite number, got nan"),
    ("ensemble --radius 3 1", "--radius: expected lengths in strictly rising order"),
    ("ensemble --rigidity 1e-20", "--rigidity: expected a rigidity in PV other than 0, from 1e-09"),
    ("fit --traps.edge-width 10", "--traps.edge-width: expected a number in [0, 1.5708], got 10"),
    ("fit --sky.index nan", "--sky.index: expected a finite number, got nan"),
    ("fit --sky.step 1e-9", "--sky.step: expected a number >= 1.2e-05, got 1e-09"),
    ('fit --fix "ln A=-7" "ln dB/B0=-1" "ln(R-1)=1" gradient=0', "--fix: expected a parameter"),
    ("traps --edge-width 10", "--edge-width: expected a number in [0, 1.5708], got 10"),
    ("traps --inflow inf", "--inflow: expected a finite number, got inf"),
]


@pytest.mark.parametrize(("arguments", "message"), SOONER, ids=[row[0] for row in SOONER])
def test_settings_are_checked_before_anything_is_computed(
    files, monkeypatch, capsys, arguments, message
):
    for place, name in (
        (sky, "backtrack"), (orbits, "trace_ensemble"), (runs.OrbitRun, "chunk"),
        (infer, "build_emulator"), (traps, "steady_state"),
    ):  # fmt: skip
        monkeypatch.setattr(place, name, lambda *args, **options: pytest.fail("computed"))
    assert main([*shlex.split(arguments), "--out", str(files / "new")]) == 2
    assert f"jaxcr: error: {message}" in capsys.readouterr().err
    assert not (files / "new").exists()


def test_chains_are_asked_for_only_where_they_can_be_made(files, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["fit", "--posterior", "nuts", "--out", str(files / "new")]) == 2
    assert "--posterior nuts: expected the package blackjax" in capsys.readouterr().err


FILE_OPTIONS = [
    "fit --target {}",
    "traps --fit {}",
    *(f"{command} --config {{}}" for command in COMMANDS if hasattr(COMMANDS[command], "config")),
    *(f"{command} --cube.file {{}}" for command in ("sky", "field", "orbits", "ensemble")),
    "field --cube.file {} {} {}",
    "field --cube.file {} --cube.shape 4 4 4",
    "resume {}",
    "status {}",
    "merge {}",
    "bench --only start --compare {}",
]


def bomb():
    """Return an NPZ file of 2 MB with an array of 512 MiB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.npy", bytes(2**29))
    return file.getvalue()


BAD_FILES = {
    "missing": None,
    "empty": lambda: b"",
    "text": lambda: b"no file of this kind\n",
    "binary": lambda: bytes(range(256)) * 16,
    "pickle": lambda: pickle.dumps({"unit": 1.0}),
    "zip": bomb,
    "hdf5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(999),
    "fits": lambda: b"SIMPLE  =                    T".ljust(2880),
}


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory):
    """Write a file of each bad kind, a folder, and one that may not be read."""
    folder = tmp_path_factory.mktemp("bad")
    for name, content in BAD_FILES.items():
        if content is not None:
            (folder / name).write_bytes(content())
    (folder / "folder").mkdir()
    (folder / "forbidden").write_bytes(b"")
    (folder / "forbidden").chmod(0)
    return folder


@pytest.mark.parametrize("name", [*BAD_FILES, "folder", "forbidden"])
@pytest.mark.parametrize("arguments", FILE_OPTIONS)
def test_every_option_names_a_bad_file(files, bad_files, capsys, arguments, name):
    path = bad_files / name
    if name == "forbidden" and os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    if name == "empty" and "--config" in arguments:
        pytest.skip("an empty configuration is one")
    assert main(arguments.replace("{}", str(path)).split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("jaxcr: error: ")
    assert error.count("\n") == 1
    assert str(path) in error
    assert not list(files.glob("jaxcr-results/*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("fit --nsied 3", "Unrecognized options: --nsied"),
        ("fit --num-start 3", "--num-starts INT"),
        ("fit --sky.nsid 3", "--sky.nside INT"),
        ("sky --rigidty 3", "--rigidity FLOAT"),
        ("fitt", "Available subcommands: fit, sky, field, orbits, "),
        ("fit --config", "Missing value for argument '--config'"),
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


@pytest.mark.parametrize(
    "arguments", [["--help"], *([x, "--help"] for x in ("fit", "sky", "field", "traps"))]
)
def test_help_imports_no_jax(arguments):
    program = (
        "import sys\nfrom jaxcr.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    assert not {'jax', 'numpy', 'healpy', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for word in (
        ("fit", "sky", "field", "info") if arguments == ["--help"] else ("--config", "--out")
    ):
        assert word in done.stdout


def test_an_interrupted_run_ends_quietly(monkeypatch, capsys):
    def interrupt(command):
        raise KeyboardInterrupt

    monkeypatch.setattr("jaxcr.cli.main._run", interrupt)
    assert main(["info"]) == 130
    assert capsys.readouterr().err == "jaxcr: interrupted\n"


def test_trouble_with_files_is_one_message(monkeypatch, capsys):
    def fill(command):
        raise OSError(28, "No space left on device", "result.h5")

    monkeypatch.setattr("jaxcr.cli.main._run", fill)
    assert main(["info"]) == 2
    error = capsys.readouterr().err
    assert error == "jaxcr: error: [Errno 28] No space left on device: 'result.h5'\n"


def test_a_fit_without_float64_says_what_to_do():
    done = subprocess.run(
        [sys.executable, "-m", "jaxcr.cli.main", "fit"],
        capture_output=True, text=True, env={"JAX_ENABLE_X64": "0", "PATH": "/usr/bin"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "expected float64, got JAX_ENABLE_X64=0" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        Fit(),
        Sky(),
        Fit(num_starts=7, simulate=3, target=Path('of "a\\b"/ä.csv'), cache=False),
        Fit(
            sky=SkyConfig(vary=("level", "index"), num_nodes=20),
            fix=("gradient=0",),
            traps=TrapConfig(edge_width=0.01),
        ),
        Sky(radius=(10.0, 20.0), pusher="diffrax", cube=CubeConfig(unit=1e-3, dataset="gas/b")),
        Sky(window=WindowConfig(experiment="hawc"), path=(3.0, 9.0), boundary="gradient"),
        Field(cube=CubeConfig(file=(Path("b.h5"),), boundary="zero", origin=(1.0, 2.0, 3.0))),
        Orbits(particles="30PeV", radius=3.0, pusher="guiding-center", position=(1.0, 2.0, 3.0)),
        Traps(source=3, closure="loss-cone", fit=Path("density.csv"), scattering_rate=0.2),
        Field(rigidity=(1.0, 3.0), turbulence=TurbulenceConfig(geometry="slow", helicity=None)),
    ],
)
def test_the_printed_configuration_reads_back_as_itself(tmp_path, command):
    (tmp_path / "config.toml").write_text(to_toml(command))
    assert from_toml(type(command), tmp_path / "config.toml") == command


@pytest.mark.parametrize("arguments", ["fit --num-starts 3 --sky.nside 4", "sky --radius 3 4"])
def test_what_show_config_prints_is_a_configuration(tmp_path, capsys, arguments):
    command, *flags = arguments.split()
    assert main([command, *flags, "--show-config"]) == 0
    (tmp_path / "config.toml").write_text(capsys.readouterr().out)
    direct = parse([command, *flags])
    again = parse([command, "--config", str(tmp_path / "config.toml")])
    assert to_toml(again) == to_toml(direct)
    assert again.out is None


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
