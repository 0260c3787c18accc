import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import UniformField
from jaxcr.orbits import Boris, PathLength
from jaxcr.sky import (
    Arrivals,
    DipoleBoundary,
    FunctionBoundary,
    arrival_weights,
    backtrack,
    counting_map,
    cross_spectrum,
    half_maps,
    intensity_error,
    intensity_map,
    jittered_directions,
    noise_power,
    pixel_samples,
    poisson_noise,
    power_spectrum,
    random_directions,
)

NSIDE = 8
AXIS = jnp.array([1.0, 0.0, 0.0])
ELL = np.arange(1, 2 * NSIDE + 1)
MODES = 2 * ELL + 1


def scrambled(key, num_pixels, per_pixel):
    """Arrivals whose orbits forgot where they came from: paths long enough to decorrelate."""
    sky = jittered_directions(key, NSIDE, per_pixel)
    outside = random_directions(jax.random.fold_in(key, 1), num_pixels * per_pixel)
    path = jnp.ones((num_pixels, per_pixel))
    return Arrivals(
        outside.reshape(sky.shape), outside.reshape(sky.shape), path, path > 0, sky,
        jnp.zeros(3), path,
    )  # fmt: skip


def mean_level(c_ell):
    """The mean over multipoles and skies, each mode of one weight."""
    return np.mean(np.asarray(c_ell)[:, 1:] @ MODES) / MODES.sum()


@pytest.mark.slow
def test_noise_levels_of_the_three_maps(key):
    """9/(N a²) (1 + a²/3) for counts, 3/N for means, 0 for half-cross, over C_1 = 4 pi a²/9."""
    amplitude, num_skies, per_pixel = 0.6, 40, 4
    num = 12 * NSIDE**2 * per_pixel
    boundary = DipoleBoundary(AXIS, amplitude)
    dipole_power = 4 * np.pi * amplitude**2 / 9

    @jax.jit
    def spectra(key):
        arrivals = scrambled(key, 12 * NSIDE**2, per_pixel)
        path = jnp.ones(num)
        outside = arrivals.direction.reshape(num, 3)
        flat = Arrivals(
            outside, outside, path, path > 0,
            random_directions(jax.random.fold_in(key, 2), num), jnp.zeros(3), path,
        )  # fmt: skip
        counts = power_spectrum(counting_map(flat, boundary, nside=NSIDE))
        samples, _ = pixel_samples(arrivals, boundary)
        weights = arrival_weights(flat, boundary)
        return (
            counts,
            power_spectrum(intensity_map(arrivals, boundary)),
            cross_spectrum(*half_maps(arrivals, boundary)),
            poisson_noise(weights),
            noise_power(samples),
        )

    results = [spectra(jax.random.fold_in(key, i)) for i in range(num_skies)]
    counts, mean, cross, poisson, within = (np.stack(x) for x in zip(*results, strict=True))
    # Of one sky the level over all multipoles has the error sqrt(2 / sum(2l+1)) = 8 %; 1.3 % for
    # forty, so that 10 % is 8 standard errors. Counts in pixels lose up to the pixel's window:
    # 3 % in the mean at nside 8, within the 10 %.
    expected = 9 / (num * amplitude**2) * (1 + amplitude**2 / 3)
    assert np.isclose(mean_level(counts) / dipole_power, expected, rtol=0.1)
    assert np.isclose(np.mean(poisson) / dipole_power, expected, rtol=0.01)
    assert np.isclose(mean_level(mean) / dipole_power, 3 / num, rtol=0.1)
    assert np.isclose(np.mean(within) / dipole_power, 3 / num, rtol=0.02)
    error = np.std(cross[:, 1:] @ MODES, ddof=1) / MODES.sum() / np.sqrt(num_skies)
    assert abs(mean_level(cross)) < 3 * error
    assert error < 0.02 * mean_level(mean)  # so that the noise itself would be seen


def test_error_of_the_mean_is_its_scatter(key):
    """Over many skies of independent orbits the map scatters as its error says."""
    boundary = DipoleBoundary(AXIS, 1.0)
    one = jax.jit(lambda k: [f(scrambled(k, 768, 16), boundary) for f in
                             (intensity_map, intensity_error)])  # fmt: skip
    maps, errors = (np.stack(x) for x in zip(*[one(jax.random.fold_in(key, i)) for i in range(30)],
                                             strict=True))  # fmt: skip
    # 30 maps of 768 pixels: the variance is known to sqrt(2/23040) = 1 %; k = 4.
    assert np.isclose(np.mean(maps**2), np.mean(errors**2), rtol=0.04)
    assert np.isclose(np.mean(errors**2), 1 / 3 / 16, rtol=0.02)  # <cos²> = 1/3


def test_error_with_weights_equals_the_formula(rng):
    weight = rng.uniform(0.5, 2.0, (12, 4))
    value = rng.standard_normal((12, 4))
    path = jnp.ones((12, 4))
    place = jnp.asarray(np.stack([value, value, value], axis=-1))
    arrivals = Arrivals(place, place, path, path > 0, place, jnp.zeros(3), jnp.asarray(weight))
    boundary = FunctionBoundary(lambda position, direction: position[0])
    mean = np.sum(weight * value, 1) / weight.sum(1)
    spread = np.sum(weight**2 * (value - mean[:, None]) ** 2, 1) * 4 / 3
    # 1e-13: round-off of sums of four.
    assert np.allclose(intensity_map(arrivals, boundary), mean, atol=1e-13)
    assert np.allclose(
        intensity_error(arrivals, boundary), np.sqrt(spread) / weight.sum(1), atol=1e-13
    )


def test_lost_orbits_and_single_ones_have_no_error():
    path = jnp.ones((192, 4))
    place = jnp.ones((192, 4, 3))
    reached = jnp.ones((192, 4), bool).at[1, 1:].set(False)
    arrivals = Arrivals(place, place, path, reached, place, jnp.zeros(3), path)
    error = intensity_error(arrivals, FunctionBoundary(lambda position, direction: position[0]))
    assert error[0] == 0
    assert np.isinf(error[1])
    slope = jax.grad(lambda x: intensity_error(
        dataclasses.replace(arrivals, position=x),
        FunctionBoundary(lambda position, direction: position[0]),
    )[0])(place)  # fmt: skip
    assert np.all(np.isfinite(slope))


def test_counts_of_one_weight_are_a_histogram(key):
    sky = random_directions(key, 5000)
    path = jnp.ones(5000)
    arrivals = Arrivals(sky, -sky, path, path > 0, sky, jnp.zeros(3), path)
    nothing = FunctionBoundary(lambda position, direction: 0 * direction[0])
    found = counting_map(arrivals, nothing, nside=4)
    import healpy

    counts = np.bincount(healpy.vec2pix(4, *np.asarray(sky).T), minlength=192)
    assert np.allclose(found, counts / counts.mean() - 1, atol=1e-14)  # a division


def test_particles_of_their_own_rigidity_and_direction(key):
    sky = random_directions(key, 20)
    rigidity = jnp.linspace(5.0, 50.0, 20)
    options = {
        "stop": PathLength(jnp.array([3.0, 9.0])),
        "observer": jnp.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]),
        "pusher": Boris(step=0.5),
    }
    field = UniformField(jnp.array([0.0, 0.0, 2.0]))
    all_at_once = backtrack(field, rigidity=rigidity, directions=sky, **options)
    assert all_at_once.position.shape == (2, 2, 20, 3)
    assert all_at_once.reached.shape == (2, 20)
    alone = backtrack(field, rigidity=rigidity[7], directions=sky, **options)
    # Automatic steps aside, an orbit depends on nothing but its own rigidity: the same bits.
    assert np.array_equal(all_at_once.direction[:, :, 7], alone.direction[:, :, 7])
    assert not np.allclose(all_at_once.direction[:, :, 8], alone.direction[:, :, 8], atol=1e-3)
    one = all_at_once.select(observer=1, stop=0)
    assert np.array_equal(one.position, all_at_once.position[1, 0])
    assert one.reached.shape == (20,)
    assert np.array_equal(one.observer, [1.0, 2.0, 3.0])
    weights = arrival_weights(all_at_once, DipoleBoundary(AXIS, 0.1))
    assert np.allclose(weights, 1 + 0.1 * all_at_once.direction[..., 0], atol=1e-15)
    with pytest.raises(ValueError, match=r"orbits grouped by pixels.*got directions \(20, 3\)"):
        intensity_map(all_at_once, DipoleBoundary(AXIS, 0.1))


def test_jittered_directions_stay_in_their_pixel(key):
    import healpy

    sky = np.asarray(jittered_directions(key, 8, 4))
    assert sky.shape == (768, 4, 3)
    pixel = healpy.vec2pix(8, *np.moveaxis(sky, -1, 0))
    assert np.array_equal(pixel, np.broadcast_to(np.arange(768)[:, None], (768, 4)))
    child = healpy.vec2pix(16, *np.moveaxis(sky, -1, 0), nest=True)
    assert len(np.unique(child)) == 768 * 4  # one in every child
    with pytest.raises(ValueError, match=r"in \[1, 8192\], got 16384"):
        jittered_directions(key, 8192, 4)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"nside": None}, "nside, directions: expected one of them, got none"),
        ({"directions": jnp.ones((3, 3)) / jnp.sqrt(3.0)}, "expected one of them, got both"),
        (
            {"rigidity": jnp.ones(5)},
            r"rigidity: expected shape \(\) or shape \(48, 4\)",
        ),
        (
            {"weight": jnp.ones((48, 1))},
            r"weight: expected.* or shape \(48, 4\), got shape \(48, 1\)",
        ),
        ({"rigidity": jnp.ones((48, 4)).at[3, 2].set(0.0)}, "rigidity: expected.*not 0, got 0"),
    ],
)
def test_errors_of_backtrack(change, text):
    options = {
        "rigidity": 1.0, "stop": PathLength(1.0), "observer": jnp.zeros(3), "nside": 2,
    } | change  # fmt: skip
    with pytest.raises(ValueError, match=text):
        backtrack(UniformField(jnp.zeros(3)), **options)


def test_errors_of_select_and_directions(key):
    path = jnp.ones((2, 5))
    place = jnp.ones((2, 5, 3))
    arrivals = Arrivals(place, place, path, path > 0, place[0], jnp.zeros((2, 3)), path[0])
    with pytest.raises(ValueError, match=r"select: stop: expected several stops"):
        arrivals.select(stop=0)
    with pytest.raises(ValueError, match=r"select: observer: expected an index below 2, got 2"):
        arrivals.select(observer=2)
    with pytest.raises(ValueError, match=r"num: expected a number >= 1, got 0"):
        random_directions(key, 0)
    with pytest.raises(ValueError, match=r"counting_map: nside: expected a power of two"):
        counting_map(arrivals, DipoleBoundary(AXIS, 1.0), nside=3)
