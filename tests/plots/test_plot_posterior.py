"""Pictures of a posterior: they render, show what was given, and refuse what cannot be drawn."""

import numpy as np
import pytest

from jaxcr.plots.posterior import plot_corner, plot_profiles


@pytest.fixture
def samples(rng):
    x = rng.normal(size=(4000, 3))
    x[:, 1] += x[:, 0] ** 2
    return x


def test_corner_renders_with_weights_and_truth(samples, png):
    weights = np.full(4000, 1 / 4000)
    figure = plot_corner(samples, ("ln A", "ln dB/B0", "index"), weights=weights, truth=np.zeros(3))
    png(figure)
    assert len(figure.axes) == 9
    # the weighted histogram of a normal covers it: the axis reaches three standard deviations
    low, high = figure.axes[0].get_xlim()
    assert low < -3
    assert high > 3


def test_profiles_render(png):
    grid = np.linspace(-3, 3, 25)
    profiles = [("a", grid, grid**2), ("b", grid, np.where(grid > 0, grid**2, 0))]
    figure = plot_profiles(profiles, truth=[0.0, 1.0])
    png(figure)
    curve = figure.axes[0].lines[0]
    np.testing.assert_array_equal(curve.get_ydata(), grid**2)


def test_bad_input(samples):
    with pytest.raises(ValueError, match=r"plot_corner: names: expected shape \(3,\)"):
        plot_corner(samples, ("a", "b"))
    samples[:, 2] = 1
    with pytest.raises(ValueError, match=r"got one value of c"):
        plot_corner(samples, ("a", "b", "c"))
    with pytest.raises(ValueError, match=r"plot_profiles: number of profiles: .* >= 1, got 0"):
        plot_profiles([])
