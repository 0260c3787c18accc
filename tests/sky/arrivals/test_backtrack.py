import dataclasses

import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import UniformField
from jaxcr.orbits import Boris, PathLength, Sphere
from jaxcr.sky import (
    Arrivals,
    DipoleBoundary,
    FunctionBoundary,
    GradientBoundary,
    QuasiSteadyBoundary,
    TrapBoundary,
    arrival_weights,
    backtrack,
    counting_map,
    cross_spectrum,
    debiased_spectrum,
    fit_dipole,
    fold_spectrum,
    half_maps,
    intensity_error,
    intensity_map,
    noise_power,
    pixel_centers,
    pixel_samples,
    poisson_noise,
    power_spectrum,
    refined_directions,
    transfer_tensor,
)
from jaxcr.sky.arrivals.intensity import orbit_weights
from jaxcr.traps import (
    AbsorbingEnd,
    flux_tube_volume,
    steady_state,
    trap_chain,
    trap_distribution,
    trap_from_ratio,
)
from jaxcr.units import GYRORADIUS

NSIDE = 4
AXIS = np.array([0.48, -0.6, 0.64])
HERE = jnp.zeros(3)
EMPTY = UniformField(jnp.zeros(3))
DIPOLE = DipoleBoundary(jnp.asarray(AXIS), 1e-3)


@pytest.fixture(scope="module")
def two_skies(turbulence):
    """Two observers, two path lengths; r_L = 8."""
    return backtrack(
        turbulence,
        rigidity=8 / GYRORADIUS,
        stop=PathLength(jnp.array([10.0, 20.0])),
        observer=jnp.array([[0.0, 0.0, 0.0], [8.0, 3.0, -5.0]]),
        nside=NSIDE,
        pusher=Boris(step=1.0),
    )


def free_flight(**options):
    return backtrack(EMPTY, rigidity=1.0, pusher=Boris(step=1.0), nside=NSIDE, **options)


def one_a_pixel(max_path_length=100.0, dtype=None):
    return free_flight(
        stop=Sphere(10.0),
        observer=HERE,
        per_pixel=1,
        max_path_length=max_path_length,
        dtype=dtype,
    )


@pytest.fixture(scope="module")
def spheres():
    """Two spheres about an observer off the origin, in empty space."""
    stop = Sphere(jnp.array([4.0, 8.0]))
    return free_flight(stop=stop, observer=jnp.array([3.0, -1.0, 2.0]))


def gyration(rigidity, strength):
    """Orbits in a uniform field along x, in 50 steps."""
    return backtrack(
        UniformField(jnp.array([strength, 0.0, 0.0])),
        rigidity=rigidity,
        stop=PathLength(25.0),
        observer=jnp.array([1.0, 2.0, 3.0]),
        nside=2,
        pusher=Boris(step=0.5),
    )


def test_free_particles_come_from_where_they_are_seen(spheres):
    sky = refined_directions(NSIDE, 4)
    observer = np.array([3.0, -1.0, 2.0])
    for number, radius in enumerate((4.0, 8.0)):
        # 1e-13: eight steps of length 1 at distance 8, and the point of crossing.
        assert np.allclose(spheres.position[number], observer + radius * sky, atol=1e-13)
        assert np.allclose(spheres.direction[number], -sky, atol=1e-15)
        assert np.allclose(spheres.path_length[number], radius, atol=1e-13)
    assert np.all(spheres.reached)
    assert spheres.lost_share() == 0


def test_dipole_in_empty_space_is_seen_opposite_its_flow():
    sky = intensity_map(one_a_pixel(), DIPOLE)
    # 1e-16: round-off of numbers below 1e-3, in the fit times its condition number.
    assert np.allclose(sky, -1e-3 * pixel_centers(NSIDE) @ AXIS, rtol=0, atol=1e-16)
    assert np.allclose(fit_dipole(sky).vector, -1e-3 * AXIS, rtol=0, atol=1e-16)
    assert np.allclose(healpy.fit_dipole(np.asarray(sky))[1], -1e-3 * AXIS, rtol=0, atol=1e-16)
    assert pixel_centers(NSIDE)[np.argmax(sky)] @ AXIS < -0.95  # within a pixel of -axis


def test_a_gradient_in_empty_space_is_a_dipole():
    # r - observer = L p: dI/I = G · p L, and with the flux G · p (L + 3 K): C_1 = 4 pi/9 of its
    # square, as of a dipole; nothing else.
    gradient, path, k = jnp.array([0.0, 3e-3, 4e-3]), 7.0, 2.0
    arrivals = backtrack(
        EMPTY, rigidity=1.0, stop=PathLength(path), observer=HERE, nside=8, pusher=Boris(1.0)
    )
    for boundary, reach in (
        (GradientBoundary(gradient), path),
        (QuasiSteadyBoundary(gradient, k * jnp.eye(3)), path + 3 * k),
    ):
        c_ell = power_spectrum(intensity_map(arrivals, boundary), lmax=4)
        # Means over pixels of nside 8 blunt a dipole by 1 - (0.1)²/12 and so on.
        np.testing.assert_allclose(c_ell[1], 4 * np.pi / 9 * (5e-3 * reach) ** 2, rtol=5e-3)
        assert np.all(np.abs(c_ell[2:]) < 1e-5 * c_ell[1])


def test_diffusion_of_arrivals_in_a_uniform_field():
    # <n_i(0) n_j(s)> = 1/3 of (cos, sin; -sin, cos)(s/r) across the field, of 1 along it; back in
    # time a positive charge turns as a negative one does forward.
    strength, path = 2.0, 9.0
    radius = 1.5 * GYRORADIUS / strength
    stops = PathLength(jnp.array([4.0, path]))
    arrivals = backtrack(
        UniformField(jnp.array([0.0, 0.0, strength])), rigidity=1.5, stop=stops,
        observer=jnp.array([[0.0, 0.0, 0.0], [3.0, 1.0, 2.0]]), nside=4, pusher=Boris(0.01),
    )  # fmt: skip
    found = arrivals.diffusion()
    assert found.shape == (2, 2, 3, 3)
    angle = path / radius
    across, drift = radius * np.sin(angle) / 3, radius * (1 - np.cos(angle)) / 3
    expected = np.array([[across, drift, 0], [-drift, across, 0], [0, 0, path / 3]])
    # <p p> over 768 directions is 1/3 to 5e-4; the steps lag by 1e-5 of a turn.
    np.testing.assert_allclose(found[:, 1], np.stack([expected] * 2), atol=5e-4 * path)
    one = arrivals.select(observer=1, stop=1).diffusion()
    np.testing.assert_allclose(one, found[1, 1], atol=1e-14 * path)


def test_pixels_average_their_orbits(spheres):
    sky = intensity_map(spheres, DIPOLE)[0]
    mean = refined_directions(NSIDE, 4).mean(1)
    assert np.allclose(sky, -1e-3 * mean @ AXIS, rtol=0, atol=1e-16)  # as above
    # The mean of a pixel's children is shorter than 1 by half their mean square distance from
    # the centre: that is 1/8 of the pixel's area, 4 pi / 12 / nside².
    shorter = np.linalg.norm(fit_dipole(sky).vector) / 1e-3
    assert np.isclose(1 - shorter, np.pi / 3 / NSIDE**2 / 16, rtol=0.1)  # for square pixels


def test_helix_in_a_uniform_field():
    strength, rigidity, path, step = 2.0, 30.0, 25.0, 0.5
    arrivals = gyration(rigidity, strength)
    # dn/ds = n × B/(r_1 R): n turns about -B for positive charge. Back in time the momentum -p
    # turned by the opposite angle. Boris turns by 2 atan(h/2r) a step of h.
    radius = GYRORADIUS * rigidity / strength
    per_step = 2 * np.arctan(step / 2 / radius)
    angle = per_step * path / step
    x, y, z = np.moveaxis(refined_directions(2, 4), -1, 0)

    def turned(a):
        return y * np.cos(a) - z * np.sin(a), y * np.sin(a) + z * np.cos(a)

    y1, z1 = turned(angle)
    # 1e-12: round-off of 50 steps at distances of 25.
    assert np.allclose(arrivals.direction, -np.stack([x, y1, z1], axis=-1), atol=1e-12)
    # Its integral: steps are drifts of h/2 with the old and the new direction, which sum to
    # h/2 / tan(per_step/2) = r of the change of direction, turned by a right angle.
    moved = np.stack([path * x, radius * (z1 - z), -radius * (y1 - y)], axis=-1)
    expected = np.array([1.0, 2.0, 3.0]) + moved
    assert np.allclose(arrivals.position, expected, atol=1e-12)


def test_opposite_charges_gyrate_oppositely():
    positive, negative, reversed_field = (
        gyration(*x).direction for x in ((30.0, 2.0), (-30.0, 2.0), (30.0, -2.0))
    )
    assert np.array_equal(negative, reversed_field)
    # Rows of pixels are mirror images under z -> -z, which turns the sense of the gyration.
    sky, mirror = refined_directions(2, 4).reshape(-1, 3), np.array([1, 1, -1])
    image = np.argmax(sky @ (sky * mirror).T, axis=0)
    positive, negative = (np.asarray(x).reshape(-1, 3) for x in (positive, negative))
    assert np.allclose(positive[image], negative * mirror, atol=1e-12)  # 50 steps
    assert np.max(np.abs(positive - negative)) > 1  # they turned by 1.5 rad each way


def test_a_uniform_boundary_is_a_uniform_sky(two_skies):
    nothing = FunctionBoundary(lambda position, direction: 0 * direction[0])
    monopole = TrapBoundary(jnp.array([7.0]), jnp.asarray(AXIS))
    for boundary in (nothing, monopole):
        # Exact: no orbit adds anything to the isotropic part. 1e-12 is Liouville's bound.
        assert np.max(np.abs(intensity_map(two_skies, boundary))) < 1e-12


def test_equilibrium_of_traps_is_a_uniform_sky(two_skies):
    trap = trap_from_ratio(3.0, 0.1)
    ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
    chain = trap_chain(trap, 10, scattering_rate=1.0, **ends)
    volume = flux_tube_volume(trap, 12)
    source = jnp.zeros(10).at[0].add(chain.rate_right[0] * volume[0])
    source = source.at[-1].add(chain.rate_left[-1] * volume[-1])
    occupation = steady_state(chain, source)
    density = occupation / volume[1:-1]
    coefficients = trap_distribution(trap, *density[3:6], lmax=24)
    boundary = TrapBoundary(coefficients, jnp.asarray(AXIS))
    # Reservoirs of one density outside: the sky inside is isotropic too, to round-off of the
    # solution, 1e-12; occupations in place of densities make a dipole of the gradient's size.
    assert np.max(np.abs(intensity_map(two_skies, boundary))) < 1e-12
    wrong = TrapBoundary(trap_distribution(trap, *occupation[3:6], lmax=24), jnp.asarray(AXIS))
    assert np.max(np.abs(intensity_map(two_skies, wrong))) > 1e-2


def test_axes_are_observer_stop_pixel_child(two_skies, turbulence):
    assert two_skies.position.shape == two_skies.direction.shape == (2, 2, 192, 4, 3)
    assert two_skies.path_length.shape == (2, 2, 192, 4)
    assert two_skies.reached.shape == (2, 192, 4)
    # 1e-12: the path at a stop is found by a root, exact in free steps of the path.
    assert np.allclose(two_skies.path_length, np.array([10.0, 20.0])[:, None, None], atol=1e-12)
    away = np.linalg.norm(
        two_skies.position - np.array([[0.0, 0, 0], [8, 3, -5]])[:, None, None, None], axis=-1
    )
    assert np.all(away < two_skies.path_length + 1e-12)


@pytest.mark.parametrize("number", [0, 1])
def test_several_skies_equal_single_ones(two_skies, turbulence, number):
    alone = backtrack(
        turbulence,
        rigidity=8 / GYRORADIUS,
        stop=PathLength(20.0),
        observer=jnp.array([[0.0, 0.0, 0.0], [8.0, 3.0, -5.0]])[number],
        nside=NSIDE,
        pusher=Boris(step=1.0),
    )
    assert alone.direction.shape == (192, 4, 3)
    # 1e-11: another program rounds its steps at 1e-16, and 20 steps hardly amplify it.
    assert np.allclose(alone.direction, two_skies.direction[number, 1], atol=1e-11)
    assert np.allclose(alone.position, two_skies.position[number, 1], atol=1e-11)
    both = intensity_map(two_skies, DIPOLE)
    assert both.shape == (2, 2, 192)
    assert np.allclose(intensity_map(alone, DIPOLE), both[number, 1], atol=1e-13)


def test_halves_are_disjoint_and_average_to_the_map(two_skies):
    first, second = half_maps(two_skies, DIPOLE)
    # 1e-18: rounding of numbers below 1e-3.
    assert np.allclose((first + second) / 2, intensity_map(two_skies, DIPOLE), rtol=0, atol=2e-18)
    samples, weight = pixel_samples(two_skies, DIPOLE)
    assert np.all(np.asarray(weight) == 1)
    assert np.allclose(first, (samples[..., 0] + samples[..., 3]) / 2, rtol=0, atol=2e-18)
    assert np.max(np.abs(first - second)) > 1e-5


def with_lost(reached):
    """Arrivals of straight orbits at nside 8, four in a pixel, some of them lost."""
    direction = jnp.asarray(refined_directions(8, 4))
    path = jnp.ones((768, 4))
    return Arrivals(direction, direction, path, reached, -direction, HERE, path)


LOST = np.ones((768, 4), bool)
LOST[0, 2] = LOST[1] = False  # five of 3,072, four of them in one pixel


def test_lost_orbits_have_no_weight():
    arrivals = with_lost(jnp.asarray(LOST))
    boundary = FunctionBoundary(lambda position, direction: direction[2])
    seen = intensity_map(arrivals, boundary)
    z = np.asarray(arrivals.direction)[..., 2]
    assert np.isclose(seen[0], z[0, [0, 1, 3]].mean(), atol=1e-16)  # a sum of three
    assert np.isnan(seen[1])  # no orbit, no intensity
    assert np.allclose(seen[2:], z[2:].mean(axis=-1), atol=1e-15)
    assert np.isclose(arrivals.lost_share(), 5 / 3072)
    samples, weight = pixel_samples(arrivals, boundary)
    assert np.array_equal(np.isnan(samples), ~LOST)
    assert np.array_equal(weight, LOST)
    # What scatters in a pixel of three and a pixel of none: the formula over the others' orbits.
    variance = np.var(z, axis=-1, ddof=1) / 4
    variance[0] = np.var(z[0, [0, 1, 3]], ddof=1) / 3
    level = 4 * np.pi / 768 * np.mean(np.delete(variance, 1))
    assert np.isclose(noise_power(samples, weight), level, rtol=1e-13)
    assert np.isnan(noise_power(samples))  # lost orbits taken for others do not pass
    broadcast = dataclasses.replace(
        arrivals, position=arrivals.position[None], direction=arrivals.direction[None],
        path_length=arrivals.path_length[None],
    )  # fmt: skip
    assert np.array_equal(orbit_weights(broadcast)[0], LOST)


def consumers(arrivals):
    """Everything that is computed from arrivals."""
    boundary = DipoleBoundary(jnp.asarray(AXIS), 1e-3)
    sky = intensity_map(arrivals, boundary)
    samples = pixel_samples(arrivals, boundary)
    return {
        "map": sky,
        "spectrum": power_spectrum(sky, lmax=4),
        "error": intensity_error(arrivals, boundary),
        "halves": cross_spectrum(*half_maps(arrivals, boundary), lmax=4),
        "counts": counting_map(arrivals, boundary, nside=1),
        "weights": arrival_weights(arrivals, boundary),
        "poisson": poisson_noise(arrival_weights(arrivals, boundary).reshape(-1)),
        "tensor": transfer_tensor(arrivals, jnp.asarray(AXIS), lmax=2, boundary_lmax=2),
        "noise": noise_power(*samples),
        "folds": fold_spectrum(*samples, folds=2, lmax=2).c_ell,
        "debiased": debiased_spectrum(sky, noise=noise_power(*samples), lmax=2).error[1:],
        "dipole": fit_dipole(sky).amplitude,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"rigidity": np.nan}, {"rigidity": 0.0}, {"rigidity": np.inf}, {"observer": np.nan},
        {"strength": np.nan}, {"most": 3.0}, {"one": np.nan}, {"one": 0.0}, {"weight": np.nan},
    ],
)  # fmt: skip
def test_what_failed_inside_jit_comes_out_as_nan(change):
    """Not a rigidity, not a place, not a field, or paths that end too early: no number."""
    options = {
        "rigidity": 10.0, "observer": 0.0, "strength": 2.0, "most": 10.0, "one": 9.0, "weight": 1.0,
    } | change  # fmt: skip

    found = _consumed(**{name: jnp.asarray(value) for name, value in options.items()})
    single = "one" in change  # one orbit of 192 spoils its pixel, and every sum over the sky
    for name, value in found.items():
        bad = np.isnan(np.asarray(value))
        local = single and name in ("map", "error", "weights", "counts")
        assert np.any(bad) if local else np.all(bad), name


@jax.jit
def _consumed(*, rigidity, observer, strength, most, one, weight):
    rigidity = jnp.broadcast_to(rigidity, (48, 4)).at[5, 1].multiply(one / 9)
    arrivals = backtrack(
        UniformField(strength * jnp.asarray(AXIS)), rigidity=rigidity, stop=PathLength(5.0),
        observer=observer * jnp.ones(3), nside=2, pusher=Boris(step=0.5), max_path_length=most,
        weight=weight,
    )  # fmt: skip
    return consumers(arrivals)


def test_every_observer_may_lose_one_percent():
    """One of two skies loses 1.5 %, 0.8 % of all orbits: only it is without a map."""
    reached = np.ones((2, 768, 4), bool)
    reached[1, :46, 0] = False
    one = with_lost(jnp.asarray(reached[0]))
    both = jax.tree.map(lambda x: jnp.stack([x, x]), one)
    both = dataclasses.replace(
        both, reached=jnp.asarray(reached), arrival=one.arrival, weight=one.weight
    )
    with pytest.raises(ValueError, match=r"never reach.*at most 1%, got 1\.50%"):
        intensity_map(both, DIPOLE)
    skies = jax.jit(lambda x: intensity_map(x, DIPOLE))(both)
    # 1e-18: another program rounds numbers of 1e-3 differently
    assert np.allclose(skies[0], intensity_map(one, DIPOLE), rtol=0, atol=1e-18)
    assert np.all(np.isnan(skies[1]))


def test_an_electric_field_is_refused():
    with pytest.raises(ValueError, match=r"backtrack: electric: expected no electric field"):
        free_flight(
            stop=PathLength(1.0), observer=HERE, per_pixel=1, electric=UniformField(jnp.ones(3))
        )


@jax.jit
def sky_and_slope(strength, max_path_length):
    """A map, its derivative by the field strength, and the share of orbits lost."""

    def sky(strength):
        arrivals = backtrack(
            UniformField(strength * jnp.array([1.0, 0.0, 0.0])),
            rigidity=10.0,
            stop=PathLength(5.0),
            observer=HERE,
            nside=1,
            per_pixel=1,
            pusher=Boris(step=0.5),
            max_path_length=max_path_length,
        )
        boundary = DipoleBoundary(jnp.asarray(AXIS), 1.0)
        return intensity_map(arrivals, boundary), arrivals.lost_share()

    (value, share), (slope, _) = jax.jvp(sky, (strength,), (jnp.ones_like(strength),))
    return value, slope, share


def test_gradient_by_the_field_strength():
    step = 1e-5
    above, below = (sky_and_slope(2.0 + x, 10.0)[0] for x in (step, -step))
    slope = sky_and_slope(2.0, 10.0)[1]
    # 1e-8: truncation step² = 1e-10 times a third derivative below 1; round-off 1e-11.
    assert np.allclose(slope, (above - below) / (2 * step), atol=1e-8)
    assert np.max(np.abs(slope)) > 0.1


def test_inside_jit_lost_orbits_do_not_raise():
    value, _, share = sky_and_slope(2.0, 3.0)
    assert share == 1
    assert np.all(np.isnan(value))


def test_more_than_one_percent_lost_is_an_error():
    # fewer steps than the straight way to the sphere takes
    message = r"never reach the boundary: expected at most 1%, got 100.00%. Raise max_path_length"
    with pytest.raises(ValueError, match=message):
        free_flight(stop=Sphere(10.0), observer=HERE, per_pixel=1, max_steps=2)
    assert one_a_pixel(max_path_length=15.0).lost_share() == 0


def test_orbits_in_a_pixel_are_checked():
    with pytest.raises(ValueError, match=r"per_pixel: expected a power of four.*got 3"):
        free_flight(stop=PathLength(1.0), observer=HERE, per_pixel=3)
    with pytest.raises(
        ValueError, match=r"half-maps: per_pixel: expected a power of four, 4, 16.*got 1"
    ):
        half_maps(one_a_pixel(), DIPOLE)


@pytest.mark.parametrize("rigidity", [0.0, np.inf, np.nan])
def test_rigidities_that_no_particle_has(rigidity):
    with pytest.raises(ValueError, match=rf"rigidity: expected.* not 0, got {rigidity:g}"):
        backtrack(EMPTY, rigidity=rigidity, stop=PathLength(1.0), observer=HERE, nside=1)


@pytest.mark.parametrize("shape", [(), (2,), (4, 2), (1, 1, 3)])
def test_a_place_that_is_none(shape):
    with pytest.raises(
        ValueError, match=r"observer: expected real numbers of shape \(xyz=3\) or.*of shape"
    ):
        free_flight(stop=PathLength(1.0), observer=jnp.zeros(shape))


def test_float32_stays_float32():
    arrivals = one_a_pixel(dtype=jnp.float32)
    sky = intensity_map(arrivals, DIPOLE)
    assert arrivals.position.dtype == arrivals.path_length.dtype == sky.dtype == jnp.float32
    # 1e-9: float32's 6e-8 of an amplitude of 1e-3, and a few more roundings.
    assert np.allclose(sky, intensity_map(one_a_pixel(), DIPOLE), rtol=0, atol=1e-9)
