import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.infer import DensityProfile, fit_density
from jaxcr.plots import plot_density_fit, plot_traps
from jaxcr.traps import AbsorbingEnd, steady_state, trap_chain, trap_from_ratio

SITE = np.arange(1.0, 21.0)
OPEN = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}


@pytest.fixture
def figure():
    return plot_traps(
        profiles={"g < r": SITE, "g = r": 2 * SITE, "g > r": 2.0**SITE},
        variants={"Helio": SITE, "Galaxy": 1 / SITE},
        coefficients=np.array([2.0, 0.2, 0.1]),
        place=7,
        relaxation=np.stack([SITE / 2, SITE / 1.1]),
        relaxation_times=(0.1, 1.0),
        steady=SITE,
        title="a trap",
    )


def test_curves_are_drawn_over_the_site_number(figure, png):
    profiles, variants, _, relaxation = figure.axes
    np.testing.assert_array_equal(profiles.lines[2].get_xydata(), np.stack([SITE, 2.0**SITE], 1))
    np.testing.assert_array_equal(variants.lines[1].get_ydata(), 1 / SITE)
    np.testing.assert_array_equal(relaxation.lines[-1].get_ydata(), SITE)
    assert [x.get_yscale() for x in figure.axes] == ["log", "log", "linear", "linear"]
    assert figure.get_suptitle() == "a trap"
    png(figure)


def test_the_distribution_is_the_series_over_its_monopole(figure):
    cosine, value = figure.axes[2].lines[0].get_data()
    expected = 1 + 0.1 * cosine + 0.05 * (3 * cosine**2 - 1) / 2
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    assert "trap 7, to l = 2" in figure.axes[2].get_title(loc="left")


@pytest.mark.slow
def test_a_fit_is_drawn_over_its_data(png):
    chain = trap_chain(trap_from_ratio(3.0, 0.1), 10, scattering_rate=1.0, **OPEN)
    source = jnp.zeros(10).at[-1].set(1.0)
    occupation = steady_state(chain, source)
    profile = DensityProfile(jnp.arange(10), occupation, 0.1 * occupation)
    figure = plot_density_fit(profile, fit_density(profile, source))
    curve, dots = figure.axes[0].lines[:2]
    np.testing.assert_allclose(curve.get_ydata(), dots.get_ydata(), rtol=1e-5)
    np.testing.assert_array_equal(dots.get_xdata(), np.arange(1, 11))
    assert "R = 3" in figure.axes[0].get_title(loc="left")
    png(figure)
