"""Pictures of orbits: what is drawn, and from which numbers."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units
from jaxcr.plots import plot_orbits, plot_transport

UP = fields.UniformField(jnp.array([0.0, 0.0, 3.0]))
OPTIONS = {"rigidity": 3.0 / units.GYRORADIUS, "pusher": orbits.Boris(0.2)}
Z = jnp.array([0.0, 0.0, 1.0])


def directions(num):
    n = np.random.default_rng(5).standard_normal((num, 3))
    return jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True))


@pytest.fixture(scope="module")
def tracks():
    return orbits.record_tracks(
        UP, jnp.zeros(3), directions(48), path_length=12.0, num_samples=24, **OPTIONS
    )


def trace(stop, **options):
    return orbits.trace_ensemble(UP, jnp.zeros(3), directions(48), stop=stop, **OPTIONS, **options)


def test_lines_and_ends(tracks, png):
    exits = trace(orbits.Sphere(1.5), max_path_length=12.0)
    figure = plot_orbits(tracks, exits, np.ones((8, 8)), (0.0, 0.0, 3.0), title="circles")
    space, sky, bar = figure.axes
    np.testing.assert_allclose(space.lines[3].get_data_3d()[2], tracks.position[:, 3, 2])
    assert len(space.lines) == 40
    assert bar.get_ylabel() + bar.get_xlabel() == "path [pc]"
    assert "ends of 48 orbits" in sky.get_title()
    longitude, latitude = sky.collections[0].get_offsets()[7]
    x = exits.position[7]
    assert longitude == pytest.approx(float(jnp.arctan2(x[1], x[0])))
    assert latitude == pytest.approx(float(jnp.arcsin(x[2] / 1.5)))
    png(figure)


def test_equal_paths_are_coloured_by_distance(tracks):
    exits = trace(orbits.PathLength(3.0))
    figure = plot_orbits(tracks, exits, np.ones((8, 8)), (0.0, 0.0, 3.0))
    assert figure.axes[2].get_xlabel() == "distance from the start [pc]"


def test_orbits_that_met_no_stop_are_left_out(tracks):
    exits = trace(orbits.Sphere(3.0), max_path_length=5.0)
    good = int(np.sum(exits.status == 0))
    assert 0 < good < 48
    figure = plot_orbits(tracks, exits, np.ones((8, 8)), (0.0, 0.0, 3.0))
    assert f"ends of {good} orbits" in figure.axes[1].get_title()


@pytest.mark.slow
def test_transport(tracks, png):
    running = orbits.running_diffusion(tracks)
    figure = plot_transport(
        running, orbits.mean_free_path(tracks), orbits.moment_scatter(UP, tracks), Z
    )
    curve = figure.axes[0].lines[0].get_xydata()
    expected = running.by_derivative.along(Z)
    np.testing.assert_allclose(curve[:, 1], expected.value)
    assert figure.axes[0].lines[0].get_label() == "along, d<x²>/2ds"
    png(figure)


def test_several_stops_are_refused(tracks):
    exits = trace(orbits.Sphere(jnp.array([1.0, 1.5])), max_path_length=5.0)
    with pytest.raises(ValueError, match="axes of the exits: expected one of 2, got 3"):
        plot_orbits(tracks, exits, np.ones((8, 8)), (0.0, 0.0, 3.0))
