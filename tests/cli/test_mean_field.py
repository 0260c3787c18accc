"""The direction of the mean field is that of the cube, on every axis and in every text."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, plots
from jaxcr.cli.field_config import CubeConfig, InField, TurbulenceConfig
from jaxcr.cli.main import main
from jaxcr.cli.mean_field import check_kappa, mean_field
from jaxcr.cli.output import quantity
from jaxcr.fields.field import sample_field

CUBE = ["--cube.axes", "xyzc", "--cube.unit", "uG", "--cube.spacing", "0.5",
        "--cube.origin", "0", "0", "0", "--cube.boundary", "periodic"]  # fmt: skip
Z = np.array([0.0, 0.0, 1.0])


def turbulence(rms=0.5):
    """Return waves without a mean, whose strength is a sixth of the mean field below."""
    return fields.realise_grid(
        fields.PowerLaw(5 / 3, outer_scale=6.0, inner_scale=2.0),
        key=jax.random.key(1), shape=(16, 16, 16), spacing=0.5, rms=rms,
    )  # fmt: skip


@pytest.fixture(scope="module")
def along_z(tmp_path_factory):
    """A file with 3 µG along z and a little turbulence."""
    path = tmp_path_factory.mktemp("cubes") / "z.npy"
    field = turbulence() + fields.UniformField(3 * Z)
    np.save(path, np.asarray(sample_field(field, field.lattice())))
    return path


@pytest.fixture
def captions(monkeypatch):
    """The text below each picture of a sky."""
    found = []

    def draw(**options):
        figure = page(**options)
        found.append(figure.get_supxlabel())
        return figure

    page = plots.plot_sky_page
    monkeypatch.setattr(plots, "plot_sky_page", draw)
    return found


def test_the_dipole_of_a_sky_is_along_the_mean_field(
    along_z, tmp_path, capsys, captions, read_document
):
    options = ["--rigidity", "3", "--path", "4", "--nside", "2", "--lmax", "4", "--no-null-tests"]
    command = ["sky", "--cube.file", str(along_z), *CUBE, *options, "--json"]
    assert main([*command, "--out", str(tmp_path / "sky")]) == 0
    said = capsys.readouterr()
    (stop,) = read_document(said.out)["report"]["stops"]
    # By the pitch angle, which waves of a sixth of the mean change by about 10° in 4 gyroradii.
    assert abs(stop["latitude"]["value"]) > 70
    assert "mean field: longitude 0°, latitude 90°" in said.err
    (caption,) = captions
    assert "mean field: longitude 0°, latitude 90°" in caption
    assert "+x, along" not in caption


def test_transport_is_split_by_the_mean_field(along_z, tmp_path, capsys, read_document):
    options = ["--rigidity", "1", "--path", "20", "--num", "64", "--samples", "40", "--json"]
    command = ["orbits", "--cube.file", str(along_z), *CUBE, *options]
    assert main([*command, "--out", str(tmp_path / "orbits")]) == 0
    found = read_document(capsys.readouterr().out)["report"]
    np.testing.assert_allclose(found["axis"]["value"], Z, atol=1e-12)
    along = found["kappa_parallel_over_v"]["value"]
    # Nearly free along z, gyration across: s/3 to s/6 = 3 pc and a gyroradius of 0.4 pc.
    assert along > 2
    assert abs(found["kappa_perpendicular_over_v"]["value"]) < along / 5


@pytest.mark.slow
def test_an_ensemble_is_split_by_the_mean_field(along_z, tmp_path, capsys, read_document):
    options = ["--rigidity", "1", "--path", "20", "--num", "320", "--chunk-size", "320",
               "--nside", "1", "--lmax", "2", "--json"]  # fmt: skip
    command = ["ensemble", "--cube.file", str(along_z), *CUBE, *options]
    assert main([*command, "--out", str(tmp_path / "run")]) == 0
    (stop,) = read_document(capsys.readouterr().out)["report"]["stops"]
    across, along = (
        float(stop[f"kappa_{name}_over_v"]["value"]) for name in ("perpendicular", "parallel")
    )
    assert 0 < across < along / 10


@pytest.mark.parametrize("mean", [(3, 0, 0), (0, 0, -2), (1, 2, -2)])
def test_the_direction_is_measured(mean):
    config = InField(cube=CubeConfig(shipped=True))  # any cube
    found = mean_field(config, turbulence() + fields.UniformField(jnp.array(mean, float)))
    # The waves' own mean is 0 but for the rounding of float32.
    np.testing.assert_allclose(found.axis, np.array(mean) / np.linalg.norm(mean), atol=2e-6)


def test_without_a_mean_field_the_direction_is_asked_for(monkeypatch):
    config = InField(cube=CubeConfig(shipped=True))
    for field in (turbulence(), 0.0 * turbulence()):
        with pytest.raises(ValueError, match=r"--mean-direction: expected x y z, with a cube that"):
            mean_field(config, field)
    asked = InField(cube=config.cube, mean_direction=(0.0, 3.0, 3.0))
    found = mean_field(asked, turbulence())
    np.testing.assert_allclose(found.axis, np.sqrt([0, 0.5, 0.5]), rtol=1e-6)
    assert found.text.endswith("in place of the mean field: longitude 90°, latitude 45°")


def test_turbulence_is_about_x_exactly():
    for settings, text in (
        (TurbulenceConfig(), "mean field: longitude 0°, latitude 0°"),
        (TurbulenceConfig(mean_field=0.0), "no mean field; axis in its place: longitude 0°"),
    ):
        found = mean_field(InField(turbulence=settings), turbulence())
        assert found.axis.tolist() == [1, 0, 0]
        assert found.text.startswith(text)


@pytest.mark.parametrize("name", ["sky", "orbits", "ensemble"])
@pytest.mark.parametrize("words", ["0 0 0", "1 2", "nan 0 1"])
def test_a_direction_that_is_none(capsys, name, words):
    assert main([name, "--mean-direction", *words.split()]) == 2
    assert "jaxcr: error: --mean-direction: expected " in capsys.readouterr().err


def test_a_negative_coefficient_is_an_error():
    check_kappa(quantity(-0.2, 0.1))
    with pytest.raises(ValueError, match=r"kappa along the mean field / v: expected a coefficient"):
        check_kappa(quantity(-1.2, 0.1))
