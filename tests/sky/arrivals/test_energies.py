import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from jaxcr.sky import Composition, EnergyResponse, draw_energies

RESPONSE = EnergyResponse(center=0.03, width=0.25, index=2.7)
NUM = 20_000


def test_median_of_what_is_seen():
    # The integral of E^-2.7 times the log-normal over ln E times E reaches half at the median.
    def seen(x):
        energy = jnp.exp(jnp.asarray(x))
        return float(RESPONSE.weight(energy) * energy)

    median = np.log(float(RESPONSE.observed_median()))
    sigma = 0.25 * np.log(10)
    below = integrate.quad(seen, median - 9 * sigma, median)[0]
    above = integrate.quad(seen, median, median + 9 * sigma)[0]
    assert np.isclose(below, above, rtol=1e-7)  # the quadrature's own error


def test_response_for_an_observed_median():
    response = EnergyResponse.with_observed_median(0.02, width=0.3, index=3.0)
    assert np.isclose(response.observed_median(), 0.02, rtol=1e-14)  # a few roundings
    # the flux falls: the response is centred higher, by (index - 1) sigma² in ln E
    assert np.isclose(response.center, 0.02 * np.exp(2 * (0.3 * np.log(10)) ** 2), rtol=1e-14)


def test_drawn_energies_are_log_normal(key):
    energies = draw_energies(key, (NUM,), response=RESPONSE)
    log = np.log10(np.asarray(energies.energy))
    # k = 4 standard errors of mean and standard deviation.
    assert abs(log.mean() - np.log10(RESPONSE.observed_median())) < 4 * 0.25 / np.sqrt(NUM)
    assert abs(log.std() - 0.25) < 4 * 0.25 / np.sqrt(2 * NUM)
    assert np.all(np.asarray(energies.charge) == 1)
    assert np.array_equal(energies.rigidity, energies.energy)


def test_draws_agree_with_weights(key):
    """Mean of R^(1/3) over draws, and over energies spread evenly in ln E with weights."""
    drawn = np.mean(np.asarray(draw_energies(key, (NUM,), response=RESPONSE).energy) ** (1 / 3))
    energy = jnp.exp(jnp.linspace(np.log(1e-5), np.log(10.0), 4001))
    weight = RESPONSE.weight(energy) * energy
    weighted = jnp.sum(weight * energy ** (1 / 3)) / jnp.sum(weight)
    # k = 4: the relative scatter of E^(1/3) is sigma/3 = 0.2.
    assert np.isclose(drawn, weighted, rtol=4 * 0.2 / np.sqrt(NUM))
    without = jnp.sum(energy ** (1 / 3) * weight * energy**2.7) / jnp.sum(weight * energy**2.7)
    assert not np.isclose(drawn, without, rtol=0.1)  # the falling flux matters


def test_composition_by_rigidity(key):
    charge = jnp.array([1.0, 2.0, 26.0])
    mixed = Composition(charge, jnp.array([0.7, 0.3, 0.01])).at_one_rigidity(2.7)
    share = np.array([0.7, 0.3 * 2**1.7, 0.01 * 26**1.7])
    assert np.allclose(mixed.share, share / share.sum(), rtol=1e-14)  # a few roundings
    energies = draw_energies(key, (NUM,), response=RESPONSE, composition=mixed)
    for z, p in zip(np.asarray(charge), np.asarray(mixed.share), strict=True):
        found = np.mean(np.asarray(energies.charge) == z)
        assert abs(found - p) < 4 * np.sqrt(p * (1 - p) / NUM)  # k = 4 binomial errors
    assert np.allclose(energies.rigidity * energies.charge, energies.energy, rtol=1e-15)


def test_gradient_by_the_response(key):
    def mean(center):
        response = EnergyResponse(center=center)
        return jnp.mean(draw_energies(key, (64,), response=response).energy)

    # Proportional to the center at a fixed key.
    assert np.isclose(jax.grad(mean)(0.03), mean(0.03) / 0.03, rtol=1e-13)


def test_errors():
    for options, name in (({"center": 0.0}, "center"), ({"center": 1.0, "width": -1.0}, "width")):
        with pytest.raises(ValueError, match=f"EnergyResponse: {name}: expected a positive"):
            EnergyResponse(**options)
    with pytest.raises(ValueError, match="EnergyResponse: index: expected finite numbers, got nan"):
        EnergyResponse(1.0, index=np.nan)
    for charge, share, message in (
        ([1.0], [0.5, 0.5], r"share: expected shape \(1,\), got shape \(2,\)"),
        ([0.0], [1.0], "charges other than 0, got 0"),
        ([np.nan], [1.0], "charges other than 0, got nan"),
        ([1.0], [0.0], "sum of the shares: expected a positive number"),
        ([1.0], [-1.0], "share: expected a number >= 0, got -1"),
        ([1.0], [np.nan], "share: expected a number >= 0, got nan"),
    ):
        with pytest.raises(ValueError, match=f"Composition: .*{message}"):
            Composition(jnp.array(charge), jnp.array(share))


def test_unknown_shares_are_no_composition_inside_jit(key):
    def charges(share):
        composition = Composition(jnp.array([1.0, 26.0]), share)
        options = {"response": EnergyResponse(0.03), "composition": composition}
        return draw_energies(key, (8,), **options).rigidity

    assert np.all(np.isnan(jax.jit(charges)(jnp.array([0.5, jnp.nan]))))
    assert np.all(np.isfinite(jax.jit(charges)(jnp.array([0.5, 0.5]))))
