"""Mixing: nothing happens on no path, and the steady state is a geometric series."""

import jax.numpy as jnp
import numpy as np

from jaxcr import sky
from jaxcr.experiments.small_scale_anisotropy.mixing_matrix import (
    LMAX,
    PATHS,
    Skies,
    _measure,
    estimate,
    judge_scales,
    judge_spectra,
    mixed,
    particles,
)

FREE_PATH, NUM = 3.0, 40


def test_without_a_path_every_multipole_is_its_own():
    seen = jnp.asarray(sky.refined_directions(8, 4))
    stops = (len(PATHS), *seen.shape[:2])
    arrivals = sky.Arrivals(
        position=jnp.zeros((*stops, 3)), direction=jnp.broadcast_to(-seen, (*stops, 3)),
        path_length=jnp.zeros(stops), reached=jnp.ones(seen.shape[:2], bool), arrival=seen,
        observer=jnp.zeros(3), weight=jnp.ones(seen.shape[:2]),
    )  # fmt: skip
    c_ell, response, _, diffusion, mixing = _measure(arrivals, FREE_PATH)
    # 4 of 16 children of a pixel: their scatter, and the window of whole pixels
    np.testing.assert_allclose(mixing[0, 1:, 1:], np.eye(LMAX), atol=0.08)
    np.testing.assert_allclose(response[0, :, 1:], np.eye(8), atol=0.02)
    np.testing.assert_allclose(response[0, :, 0], 0, atol=1e-12)
    np.testing.assert_allclose(c_ell[0, 1, 1, 1], 4 * np.pi / 9, rtol=0.02)
    np.testing.assert_allclose(diffusion, 0, atol=1e-12)


def geometric(scatter=0.0):
    """Return skies that forget with the path: P_l by L = exp(-s), C_l of the rest by exp(-2 s)."""
    path = np.array(PATHS)
    forgets = np.exp(-path)
    l = np.arange(1, 9)
    response = np.zeros((len(path), 8, 9))
    response[:, l - 1, l] = forgets[:, None]
    response[:, 0, 0] = -(1 - forgets)  # the mean sky is -P_1, a mean free path of 1
    fluctuations = (1 - forgets**2)[:, None] * np.r_[0.0, 1 / np.arange(1.0, LMAX + 1) ** 3]
    mean = np.einsum("plf,plg->plfg", response, response)
    c_ell = np.zeros((len(path), 9, 9, LMAX + 1))
    c_ell[..., 1:9] = np.moveaxis(4 * np.pi * mean / (2 * l + 1)[:, None, None] ** 2, 1, -1)
    c_ell[:, 0, 0] += fluctuations
    mixing = np.broadcast_to(np.eye(LMAX + 1), (len(path), LMAX + 1, LMAX + 1))
    mixing = mixing * (forgets**2)[:, None, None]
    rows = (c_ell, response, mean, np.full(len(path), 1 / 3), mixing)
    draw = 1 + scatter * np.random.default_rng(1).standard_normal(NUM)
    draw /= draw.mean()
    return Skies(*(np.multiply.outer(draw, x) for x in rows))


def test_the_steady_state_is_a_geometric_series():
    skies = geometric()
    limit = 4 * np.pi / 9 + 1.0
    expected = np.r_[0, limit, 1 / np.arange(2.0, 9) ** 3] / limit
    for place in (1, 2, 4):
        steady = estimate(mixed(place, NUM), skies)
        # orbits of 8 mean free paths still know exp(-8) of the start
        np.testing.assert_allclose(steady.value[:9], expected, rtol=2e-3, atol=1e-12)
    np.testing.assert_allclose(estimate(particles, skies).value[-1, :9], expected, rtol=2e-3)


def test_verdicts():
    known = geometric(0.01)
    assert judge_spectra([known] * 3).holds is True
    assert judge_scales([known] * 3).holds is True
    assert judge_spectra([known._replace(mixing=known.mixing * 1.6)] * 3).holds is False
    early = known.c_ell.copy()
    early[:, :-1] = early[:, -1:]
    assert judge_scales([known._replace(c_ell=early)] * 3).holds is False
