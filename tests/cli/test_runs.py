"""Whole runs of the command line, small: files, pictures, cache."""

import json
import re

import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import sky
from jaxcr.cli.main import main
from jaxcr.cli.sky import _outside_warnings
from jaxcr.cli.sky_config import Sky
from jaxcr.fields import Clamped, GridField, describe

SMALL = [
    "--sky.cells",
    "32",
    "--sky.outer-scale",
    "12",
    "--sky.gyroradius",
    "8",
    "--sky.path",
    "3",
    "--sky.nside",
    "4",
    "--sky.lmax",
    "8",
    "--sky.boundary-lmax",
    "8",
    "--sky.num-fields",
    "3",
    "--num-starts",
    "2",
    "--adam-steps",
    "20",
]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCR_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_a_fit_leaves_everything_behind(cache, capsys, read_document):
    options = ["--gradient-fields", "2", "--out", str(cache / "one"), "--json"]
    assert main(["fit", *SMALL, *options]) == 0
    found = capsys.readouterr()
    document, printed = read_document(found.out), found.err
    assert "unpublished, working level, for demonstration" in printed
    assert "error/prior" in printed
    assert "d C_l / d dB/B0" in printed
    assert "not calibrated between 2 and 9 gyroradii (path 3)" in printed
    assert "z from 2 fields: its errors are uncertain by 71%" in printed
    names = {p.name for p in (cache / "one").iterdir()}
    pictures = {"spectrum.png", "sky.png", "chain.png", "fit.png", "gradient.png"}
    assert names - {"corner.png"} == {"result.h5", "report.txt"} | pictures
    assert "These data constrain" in printed
    assert "likelihood: Gamma" in printed
    with h5py.File(cache / "one" / "result.h5") as one:
        assert json.loads(one.attrs["configuration"])["sky"]["cells"] == 32
        assert "jax" in json.loads(one.attrs["versions"])
        amplitude = one["posterior/mean"][0]
        assert one["model/mean"].shape == (8,)
        assert one["sky/before"].shape == (12 * 32**2,)
    report = (cache / "one" / "report.txt").read_text(encoding="utf-8")
    assert float(re.search(r"ln A +1 +(-?[\d.]+)", report)[1]) == pytest.approx(amplitude, abs=1e-3)
    assert report.startswith("target: ")
    assert report.splitlines()[0] in printed
    assert document["numbers"]["gradient"]["ell"] == list(range(9))
    told = document["report"]
    assert told["dropped_multipoles"] == sorted(
        {*document["numbers"]["data"]["ell"]} - {*document["numbers"]["data"]["compared_ell"]}
    )
    assert told["directions"].startswith("these data constrain")
    assert told["gradient_verdict"] in printed
    assert told["convergence"]["num_starts"] == 2
    apart = told["convergence"]["optimisers_apart_sigma"] > 0.5
    assert any(x.startswith("Adam ends ") for x in document["warnings"]) == apart
    assert all(x in printed for x in document["warnings"])
    assert told["derived"]["gradient ln(B1/B2)"]["low"] >= 0
    parameters = document["report"]["parameters"]
    assert parameters["ln A"]["value"] == amplitude
    assert parameters["ln A"]["class"] == "constrained"
    assert document["report"]["chi_squared"] == document["numbers"]["fit"]["chi_squared"]
    assert document["left_out"]["sky/before"] == str(cache / "one" / "result.h5")


@pytest.mark.slow
def test_the_cache_gives_the_same_again(cache):
    values, kept = [], []
    for name in ("one", "two"):
        assert main(["fit", *SMALL, "--gradient-fields", "0", "--out", str(cache / name)]) == 0
        with h5py.File(cache / name / "result.h5") as file:
            values.append(file["fit/values"][...])
        kept.append({p.name: p.stat().st_mtime_ns for p in (cache / "cache").iterdir()})
    assert len(kept[0]) == 3  # one file for each field, not written again
    assert kept[0] == kept[1]
    np.testing.assert_array_equal(*values)


@pytest.mark.slow
def test_a_simulated_fit_prints_what_was_planted(cache, capsys):
    arguments = ["fit", *SMALL, "--simulate", "1", "--skies", "2", "--gradient-fields", "0"]
    assert main([*arguments, "--out", str(cache / "out")]) == 0
    printed = capsys.readouterr().out
    assert "planted   pull" in printed
    assert re.search(r"ln A .* -6\.908", printed)


@pytest.mark.slow
def test_a_fit_at_an_energy_takes_its_skies_from_the_package(cache, capsys):
    out = cache / "energy"
    options = ["--simulate", "2", "--skies", "4", "--plant", "gradient=0.4"]
    assert main(["fit", "--energy", "30PeV", *options, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "protons of 30PeV in 3 µG (r_L = 10.8 pc), 240 plane waves from 100 to 3.2 pc" in printed
    assert "16 points of 96 skies" in printed
    assert not (cache / "cache").exists()  # nothing was simulated for the model
    pulls = re.findall(r"planted|(-?\d+\.\d\d)$", printed, flags=re.MULTILINE)
    assert len([x for x in pulls if x]) == 5
    assert all(abs(float(x)) < 4 for x in pulls if x)


SMALL_SKY = [
    "--turbulence.cells", "32", "--turbulence.outer-scale", "10", "--nside", "4", "--lmax", "8",
    "--rigidity", "8",
]  # fmt: skip


@pytest.mark.slow
def test_a_sky_and_its_spectrum_agree_between_pushers(cache, capsys):
    spectra = {}
    for pusher in ("boris", "diffrax"):
        out = cache / pusher
        assert main(["sky", *SMALL_SKY, "--path", "6", "--pusher", pusher, "--out", str(out)]) == 0
        with h5py.File(out / "result.h5") as file:
            spectra[pusher] = file["sky-1/c_ell"][...]
            assert file["sky-1/map"].shape == (12 * 4**2,)
    assert "spectral index" in capsys.readouterr().out
    # path of two gyroradii: the same orbits, within tolerance 1e-4 and steps of half a cell
    np.testing.assert_allclose(spectra["boris"][1:5], spectra["diffrax"][1:5], rtol=0.05)


@pytest.mark.slow
def test_a_sky_with_everything(cache, capsys):
    """Several stops, realisations, a window, energies: files agree with each other."""
    options = ["--path", "3", "6", "--realisations", "3", "--boundary", "momentum-local",
               "--response-width", "0.2", "--window.experiment", "combined"]  # fmt: skip
    assert main(["sky", *SMALL_SKY, *options, "--out", str(cache / "all")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("  ok") == 3
    assert "orbits that never reached the boundary: 0.00%" in printed
    assert "combined: 9" in printed
    assert (cache / "all" / "report.txt").read_text(encoding="utf-8") in printed
    assert (cache / "all" / "sky.png").stat().st_size > 100_000
    maps = sky.read_map(cache / "all" / "sky.fits")
    assert maps.names == ("intensity_3pc", "error_3pc", "intensity_6pc", "error_6pc")
    assert maps.frame == "field"
    observed = sky.read_map(cache / "all" / "observed.fits")
    assert observed.frame == "equatorial"
    assert np.all(observed.maps[1][observed.maps[3] == 0] == 0)  # nothing where nothing is seen
    with h5py.File(cache / "all" / "result.h5") as file:
        np.testing.assert_array_equal(file["sky-2/map"], maps.maps[2])
        assert file["realisations/c_ell"].shape == (3, 2, 9)
        np.testing.assert_array_equal(file["realisations/c_ell"][0, 1], file["sky-2/c_ell"])
        assert np.all(file["window/c_ell_error"][:] > 0)
        paths = file["arrivals/path_length"][:]
    np.testing.assert_allclose(paths, np.broadcast_to([[[3.0]], [[6.0]]], paths.shape), rtol=1e-12)


def test_a_field_is_made_written_read_and_described(cache, capsys):
    made, read = cache / "made", cache / "read"
    cube = cache / "cube.h5"
    options = ["--turbulence.cells", "32", "--turbulence.outer-scale", "10", "--rigidity", "3"]
    assert main(["field", *options, "--write", str(cube), "--out", str(made)]) == 0
    printed = capsys.readouterr().out
    assert "from asked E(k)" in printed
    assert "at 3 PV" in printed
    options = ["--cube.file", str(cube), "--cube.rms", "1.5", "--cube.mean-strength", "2"]
    assert main(["field", *options, "--out", str(read)]) == 0
    assert "rms fluctuation     1.5 µG, dB/B0 0.75" in capsys.readouterr().out
    assert (read / "report.txt").read_text(encoding="utf-8").startswith("box")
    spectra = []
    for folder in (made, read):
        assert (folder / "field.png").stat().st_size > 30_000
        with h5py.File(folder / "result.h5") as file:
            spectra.append(file["field/spectrum"][...] / file["field/rms"][()] ** 2)
    # The same field at another strength; float32 in the file.
    np.testing.assert_allclose(spectra[0], spectra[1], rtol=1e-4, atol=1e-7)


@pytest.mark.slow
def test_a_sky_in_the_shipped_cube(cache, capsys):
    options = ["--cube.shipped", "--rigidity", "6", "--path", "8", "--nside", "4", "--lmax", "8"]
    assert main(["sky", *options, "--out", str(cache / "mhd")]) == 0
    with h5py.File(cache / "mhd" / "result.h5") as file:
        c_ell = file["sky-1/c_ell"][...]
    # A dipole of 1e-3 on the boundary, turned and broken up: 4 pi/9 of 1e-6 sr at most.
    assert 1e-9 < c_ell[1] < 1.4e-6
    assert c_ell[2] > 1e-9


@pytest.mark.slow
def test_orbits_of_a_named_set_on_a_small_grid(cache, capsys):
    command = ["orbits", "--particles", "7.5PeV", "--turbulence.cells", "32", "--num", "64"]
    options = ["--path", "20", "--samples", "40", "--radius", "4", "--out", str(cache / "one")]
    assert main([*command, *options]) == 0
    printed = capsys.readouterr().out
    assert "5 cells, r_L/L = 0.391: rigidity 6.775" in printed
    assert "64 of 64: reached the stop" in printed
    assert "kappa along the mean field / v, d<x²>/2ds: " in printed
    names = {p.name for p in (cache / "one").iterdir()}
    assert names == {"result.h5", "report.txt", "orbits.png", "transport.png"}
    with h5py.File(cache / "one" / "result.h5") as one:
        away = one["exits/position"][:] - one["start/position"][:]
        np.testing.assert_allclose(np.linalg.norm(away, axis=1), 4.0, rtol=1e-10)
        # two definitions of one length: equal within a factor of a few
        turning, correlation = one["transport/turning"][()], one["transport/correlation"][-1]
        assert 0.2 < turning / correlation < 5


@pytest.mark.slow
def test_traps_are_solved_and_fitted(cache, capsys):
    assert main(["traps", "--out", str(cache / "plain")]) == 0
    printed = capsys.readouterr().out
    assert "mirror ratio 3, ln(B1/B2) = 0.1, loss cones 34.3° left, 36.3° right" in printed
    # detailed balance: g/r = exp(0.1); fed at N: F = (1 - a)/(1 - a^41)
    assert "g/r = 1.105, V = 0.009694, D = 0.09702 pc (used)" in printed
    assert "0.001772 of 1 leave left, 0.9982 right, 0 are lost" in printed
    with h5py.File(cache / "plain" / "result.h5") as plain:
        occupation, flux = plain["steady/occupation"][:], plain["steady/flux"][:]
    np.testing.assert_allclose(-flux[0], np.expm1(0.1) / np.expm1(4.1), rtol=1e-10)
    rows = [f"{k + 1},{n!r},{0.05 * n!r}" for k, n in enumerate(map(float, occupation))]
    data = cache / "density.csv"
    data.write_text("site,occupation,error\n" + "\n".join(rows) + "\n")
    assert main(["traps", "--fit", str(data), "--out", str(cache / "fit")]) == 0
    assert "fit: mirror ratio 3 ± " in capsys.readouterr().out
    names = {p.name for p in (cache / "fit").iterdir()}
    assert names == {"result.h5", "report.txt", "traps.png", "fit.png"}


def test_an_observer_outside_a_cube_is_warned_of():
    clamped = GridField(
        jnp.ones((16, 16, 16, 3)), spacing=1.0, origin=jnp.zeros(3), boundary=Clamped()
    )
    described = describe(clamped)
    middle = {"observer": (8.0, 8.0, 8.0)}
    assert _outside_warnings(Sky(path=(8.0,), **middle), described) == []
    for config, text in (
        (Sky(observer=(-1.0, 0.0, 0.0)), "The observer, -1 0 0 pc, is outside the box, 0 0 0 to"),
        (Sky(radius=(4.0, 9.0), **middle), "--radius 9 pc can leave the box"),
        (Sky(path=(20.0,), **middle), "--path 20 pc can leave the box"),
    ):
        (sentence,) = _outside_warnings(config, described)
        assert text in sentence
        assert "The middle of the box is --observer 8 8 8; the default is 0 0 0." in sentence
