"""Transport coefficients from tracks whose statistics are known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units
from jaxcr.orbits import Tracks

RATE = 0.5  # scatterings per pc
Z = jnp.array([0.0, 0.0, 1.0])


def scattered(num, length, num_samples, seed=0):
    """Return straight flights between isotropic scatterings at a constant rate."""
    rng = np.random.default_rng(seed)
    step = length / num_samples
    n = rng.standard_normal((num_samples + 1, num, 3))
    n /= np.linalg.norm(n, axis=-1, keepdims=True)
    keep = rng.random((num_samples, num)) > -np.expm1(-RATE * step)
    for i in range(num_samples):
        n[i + 1] = np.where(keep[i][:, None], n[i], n[i + 1])
    x = np.concatenate([np.zeros((1, num, 3)), np.cumsum(step * n[:-1], axis=0)])
    return Tracks(jnp.asarray(np.arange(num_samples + 1) * step), jnp.asarray(x), jnp.asarray(n))


def within(estimate, expected, sigmas=4):
    pull = (np.asarray(estimate.value) - expected) / np.asarray(estimate.error)
    assert np.abs(pull).max() < sigmas, pull


@pytest.mark.slow
def test_three_running_coefficients_of_exponential_decorrelation():
    tracks = scattered(8000, 12.0, 120)
    running = orbits.running_diffusion(tracks, num_groups=40)
    s = np.asarray(tracks.path)[[20, 60, 110]]
    # <n n> = exp(-nu s)/3: kappa = (1 - exp(-nu s))/(3 nu), the mean square lags behind
    kappa = -np.expm1(-RATE * s) / (3 * RATE)
    lagging = (1 + np.expm1(-RATE * s) / (RATE * s)) / (3 * RATE)
    for estimate, expected in (
        (running.by_derivative.isotropic(), kappa),
        (running.by_velocity.isotropic(), kappa),
        (running.by_velocity.along(Z), kappa),
        (running.by_velocity.across(Z), kappa),
    ):
        rows = jnp.array([20, 60, 110])
        within(orbits_rows(estimate, rows), expected)
        assert np.all(estimate.error[rows] < 0.2 * kappa[-1])
    mean_square = running.by_mean_square.isotropic()
    within(orbits_rows(mean_square, jnp.array([19, 59, 109])), lagging)
    # the two definitions are told apart
    assert mean_square.value[59] < kappa[1] - 4 * mean_square.error[59]
    off = running.by_derivative.tensor()
    assert abs(off.value[60, 0, 1]) < 4 * off.error[60, 0, 1]


def orbits_rows(estimate, rows):
    return jax.tree.map(lambda x: x[rows], estimate)


@pytest.mark.slow
def test_the_drift_coefficient_of_gyration_with_scattering():
    # D_A = (v r_L / 3) (Om tau)² / (1 + (Om tau)²), positive for a positive charge along b
    tracks = scattered(20000, 24.0, 240)
    angle = np.asarray(tracks.path)[:, None] * 1.0  # r_L = 1 pc
    n = np.asarray(tracks.direction)
    turned = np.stack(
        [
            n[..., 0] * np.cos(angle) + n[..., 1] * np.sin(angle),
            -n[..., 0] * np.sin(angle) + n[..., 1] * np.cos(angle),
            n[..., 2],
        ],
        axis=-1,
    )
    gyrating = Tracks(tracks.path, tracks.position, jnp.asarray(turned))
    running = orbits.running_diffusion(gyrating, num_groups=40).by_velocity
    drift = orbits_rows(running.drift(Z), jnp.array([-1]))
    ratio = 1 / RATE
    within(drift, ratio**2 / (1 + ratio**2) / 3)
    # perpendicular: kappa_par / (1 + (Om tau)²)
    across = orbits_rows(running.across(Z), jnp.array([-1]))
    within(across, ratio / 3 / (1 + ratio**2))


def test_mean_free_paths_of_isotropic_scattering():
    tracks = scattered(6000, 20.0, 400, seed=1)
    found = orbits.mean_free_path(tracks, num_groups=30)
    end = orbits_rows(found.correlation, jnp.array([-1]))
    within(end, 1 / RATE * -np.expm1(-RATE * 20.0))
    # half of the scatterings lead to more than 90°: turning after 2/nu
    within(found.turning, 2 / RATE, sigmas=5)
    assert found.turned_share == pytest.approx(1 - np.exp(-10 / 2), abs=0.01)
    assert float(found.turning_distance.value) < float(found.turning.value)


def test_the_parallel_mean_free_path_of_isotropic_scattering_has_a_plateau():
    tracks = scattered(4000, 20.0, 100, seed=2)
    found = orbits.parallel_mean_free_path(tracks, axis=Z, num_groups=40)
    # kappa = v/(3 nu), 3 kappa/v = 1/nu; what is left of the start is exp(-nu s) < 1 % of it
    within(found.coefficient, 1 / RATE)
    assert found.coefficient.error < 0.1 / RATE
    assert found.flat
    assert found.text == ""


def test_straight_flight_has_no_plateau_and_no_diffusion_is_negative():
    tracks = scattered(4000, 0.4, 40, seed=3)
    found = orbits.parallel_mean_free_path(tracks, axis=Z, num_groups=40)
    # <x²> = s²/3: kappa = s/3 is twice as large at the end as in the middle
    assert not found.flat
    assert found.text == "still rising: not a diffusion coefficient"
    s = np.asarray(tracks.path)[:, None, None]
    back = Tracks(tracks.path, tracks.position * (0.45 - s), tracks.direction)
    with pytest.raises(ValueError, match="kappa along the axis: expected a number >= 0, got -"):
        orbits.parallel_mean_free_path(back, axis=Z, num_groups=40)
    with pytest.raises(ValueError, match="plateau: samples: expected a number >= 8, got 5"):
        orbits.parallel_mean_free_path(scattered(32, 1.0, 4), axis=Z)


def test_pitch_angle_diffusion_of_a_known_process():
    # dmu = -nu mu ds + sqrt(nu (1 - mu²)) dW has D = nu (1 - mu²)/2
    nu, step, num = 0.02, 0.05, 4000
    rng = np.random.default_rng(3)
    mu = [rng.uniform(-1, 1, num)]
    for _ in range(200):
        noise = rng.standard_normal(num) * np.sqrt(step)
        following = mu[-1] - nu * mu[-1] * step
        following += np.sqrt(np.maximum(nu * (1 - mu[-1] ** 2), 0)) * noise
        mu.append(np.clip(following, -1, 1))
    mu = np.stack(mu)
    across = np.sqrt(1 - mu**2)
    n = jnp.asarray(np.stack([across, np.zeros_like(mu), mu], axis=-1))
    tracks = Tracks(jnp.asarray(np.arange(201) * step), jnp.zeros_like(n), n)
    found = orbits.measure_pitch_angle_diffusion(
        tracks, axis=Z, lags=(0.5, 2.0), edges=jnp.linspace(-0.8, 0.8, 5), num_groups=40
    )
    # the mean of 1 - mu² over a bin of width .4 is below that at its middle by .4²/12
    expected = nu * (1 - np.asarray(found.cosine) ** 2 - 0.4**2 / 12) / 2
    # finite lags: of order nu lag = 4 % of the coefficient
    assert np.all(
        np.abs(found.coefficient.value - expected) < 4 * found.coefficient.error + 0.04 * nu
    )
    assert np.all(found.coefficient.error < 0.06 * nu)
    with pytest.raises(ValueError, match="expected two rising lengths within 0"):
        orbits.measure_pitch_angle_diffusion(
            tracks, axis=Z, lags=(2.0, 0.5), edges=jnp.linspace(-1, 1, 3)
        )


@pytest.mark.slow
def test_high_rigidity_limit_in_isotropic_turbulence():
    # kappa = (2/3) v r_L² / L_c for r_L >> L_c (weak deflections); a short version of
    # experiments/transport_limits.py: the running coefficient for a path s << lambda is that of
    # exponential decay, and its rate is what is compared.
    spectrum = fields.PowerLaw(5 / 3, outer_scale=1.0, inner_scale=0.05)
    rms, ratio = 3.0, 20.0
    length = spectrum.correlation_length()
    rigidity = ratio * float(length) * rms / units.GYRORADIUS
    rate = 1 / (2 * ratio**2 * float(length))
    path = 0.3 / rate
    tracks = []
    for seed in range(8):
        field = fields.realise_waves(spectrum, key=jax.random.key(seed), num_waves=128, rms=rms)
        rng = np.random.default_rng(seed)
        n = rng.standard_normal((64, 3))
        n = jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True))
        x = jnp.asarray(rng.uniform(-50, 50, (64, 3)))
        tracks.append(
            orbits.record_tracks(
                field, x, n, rigidity=rigidity, path_length=path, num_samples=8,
                pusher=orbits.Boris(0.1),
            )
        )  # fmt: skip
    found = orbits.mean_free_path(orbits.join_tracks(tracks), num_groups=8).correlation
    expected = -np.expm1(-0.3) / rate
    within(orbits_rows(found, jnp.array([-1])), expected)
    assert float(found.error[-1]) < 0.02 * expected
