import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.infer import DensityProfile, fit_density, read_density
from jaxcr.traps import AbsorbingEnd, steady_state, trap_chain, trap_from_ratio

OPEN = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
NUM, RATIO, GRADIENT = 30, 3.0, 0.08
SOURCE = jnp.zeros(NUM).at[-1].set(1.0)


def planted():
    chain = trap_chain(trap_from_ratio(RATIO, GRADIENT), NUM, scattering_rate=1.0, **OPEN)
    return steady_state(chain, SOURCE)


@pytest.mark.slow
def test_a_noiseless_profile_comes_back():
    occupation = planted()
    best = fit_density(DensityProfile(jnp.arange(NUM), occupation, 0.01 * occupation), SOURCE)
    assert best.converged
    np.testing.assert_allclose(best.mirror_ratio, RATIO, rtol=1e-6)
    np.testing.assert_allclose(best.gradient, GRADIENT, rtol=1e-6)
    np.testing.assert_allclose(best.occupation, occupation, rtol=1e-6)
    assert best.chi_squared < 1e-8


@pytest.mark.slow  # eighty fits
def test_intervals_hold_what_they_promise(key):
    occupation = planted()
    error = 0.05 * occupation
    noise = jax.random.normal(key, (200, NUM))

    def fit(draw):
        return fit_density(
            DensityProfile(jnp.arange(NUM), occupation + error * draw, error), SOURCE
        )

    fits = jax.vmap(fit)(noise)
    assert jnp.all(fits.converged)
    for value, spread, truth in (
        (fits.mirror_ratio, fits.mirror_ratio_error, RATIO),
        (fits.gradient, fits.gradient_error, GRADIENT),
    ):
        held = np.mean(np.abs(np.asarray(value) - truth) < np.asarray(spread))
        assert 0.59 < held < 0.77, held
    # 28 degrees of freedom, 200 profiles
    assert abs(jnp.mean(fits.chi_squared) - 28) < 3 * np.sqrt(2 * 28 / 200)


def test_a_file_is_read(tmp_path):
    path = tmp_path / "density.csv"
    path.write_text("# a chain\nsite,occupation,error\n1,0.5,0.1\n2,0.7,0.1\n5,0.9,0.2\n")
    profile = read_density(path)
    np.testing.assert_array_equal(profile.site, [0, 1, 4])
    np.testing.assert_array_equal(profile.occupation, [0.5, 0.7, 0.9])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("site,occupation\n1,2\n", "Add error to the header"),
        ("site,occupation,error\n0,1,1\n1,1,1\n2,1,1\n", "whole numbers from 1 on"),
        ("site,occupation,error\n1,1,1\n2,nan,1\n3,1,1\n", "column occupation, row 2"),
        (
            "site,occupation,error\n1,1,1\n2,1,0\n3,1,1\n",
            "DensityProfile: error: expected a positive number",
        ),
        ("site,occupation,error\n1,1,1\n2,1,1\n", "number of rows: expected a number >= 3"),
    ],
)
def test_bad_files_are_rejected(tmp_path, rows, message):
    path = tmp_path / "density.csv"
    path.write_text(rows)
    with pytest.raises(ValueError, match=message):
        read_density(path)


def test_sites_beyond_the_chain_are_rejected():
    profile = DensityProfile(jnp.arange(3) + 28, jnp.ones(3), jnp.ones(3))
    with pytest.raises(ValueError, match=r"profile\.site: expected a number in \[0, 29\], got 30"):
        fit_density(profile, SOURCE)
