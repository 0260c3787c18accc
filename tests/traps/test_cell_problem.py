import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from jaxcr.fields.mirror_chain import log_swing
from jaxcr.traps import (
    AbsorbingEnd,
    DetailedBalance,
    IsotropisingScattering,
    PitchAngleClosure,
    SmallAngleScattering,
    Trap,
    bottle_transport,
    equilibrium,
    flux_tube_volume,
    line_of_traps,
    mirror_suppression,
    trap_chain,
    trap_from_ratio,
)
from jaxcr.traps.cell_problem import _continued_fraction

ISOTROPISING, SMALL = IsotropisingScattering(), SmallAngleScattering()
KINDS = [ISOTROPISING, SMALL]
RATES = (0.1, 0.3, 1.0, 3.0)
transport = jax.jit(bottle_transport)
steady = jax.jit(lambda *row, **kind: bottle_transport(*row, **kind).steady_diffusion)


def turns(num):
    return 2 * jnp.pi * jnp.arange(num, dtype=float) / num


def cosine(ratio, num=65):
    """ln B of B = 1 + (R - 1)(1 - cos)/2."""
    return jnp.log1p((ratio - 1) * (1 - jnp.cos(turns(num))) / 2)


def log_cosine(depth, num=65):
    return depth / 2 * jnp.cos(turns(num))


def relative(log_strength, rate, scattering):
    """D over v lambda_s/3 of level bottles."""
    return float(3 * rate * steady(log_strength, 0.0, 1.0, rate, scattering=scattering))


# closed forms


@pytest.mark.parametrize("scattering", KINDS)
@pytest.mark.parametrize("rate", RATES)
def test_without_mirrors_diffusion_is_that_of_the_free_path(scattering, rate):
    found = transport(jnp.zeros(33), 0.0, 2.0, rate, scattering=scattering)
    # 1e-11: 64 levels of solves
    np.testing.assert_allclose(jnp.stack(found), [0.0, 1 / (3 * rate), 1 / (3 * rate)], atol=1e-11)
    closure = PitchAngleClosure(2.0, scattering)
    np.testing.assert_allclose(
        closure.rates(trap_from_ratio(1 + 1e-12, 0.0), rate), 1 / (12 * rate), rtol=1e-9
    )


@pytest.mark.parametrize("rate", [1.0, 3.0])
def test_a_smooth_falling_field_focuses(rate):
    """Small angles balance focusing, nu (1 - mu²)/2 df/dmu = k (1 - mu²)/2 f, in f ~ e^(k mu/nu).

    V is the mean of mu in that: coth(k/nu) - nu/k.
    """
    found = transport(jnp.zeros(17), 0.5, 1.0, rate, scattering=SMALL)
    x = 0.5 / rate
    np.testing.assert_allclose(found.drift, 1 / np.tanh(x) - 1 / x, rtol=1e-10)


def rare_by_quad(ratio, small):
    """The limits nu -> 0 from nested adaptive quadrature, cosine profile."""

    def strength(x):
        return 1 + (ratio - 1) * (1 - np.cos(x)) / 2

    def over_bottle(function):
        return quad(function, 0, np.pi, epsabs=0, epsrel=1e-9, limit=400)[0] / np.pi

    def share(y):  # M = (1 - y⁴)/R, dM = 4 y³ dy/R
        moment = (1 - y**4) / ratio

        def speed(x):  # sqrt(1 - M B), without cancellation at the top
            rest = (ratio - 1) * (1 + np.cos(x)) / 2
            return np.sqrt((rest + y**4 * strength(x)) / ratio)

        if small:
            inner = moment / over_bottle(lambda x: speed(x) / strength(x))
        else:
            inner = 1 / over_bottle(lambda x: 1 / speed(x))
        return 4 * y**3 / ratio * inner

    whole = quad(share, 1e-2, 1, epsabs=0, epsrel=1e-7)[0]
    return (0.75 if small else 1.5) * whole / over_bottle(lambda x: 1 / strength(x))


@pytest.mark.parametrize("scattering", KINDS)
def test_rare_scattering(scattering):
    printed = {
        ISOTROPISING: [0.89683, 0.67385, 0.38202, 0.22255], SMALL: [0.4033, 0.1652, 0.0429, 0.01346]
    }  # fmt: skip
    found = [scattering.rare_diffusion(cosine(ratio)) for ratio in (1.5, 3.0, 10.0, 30.0)]
    np.testing.assert_allclose(found, printed[scattering], atol=1e-4)
    # 1e-6: where 1/T is logarithmic a grid of 4096 places ends
    np.testing.assert_allclose(found[1], rare_by_quad(3.0, scattering is SMALL), rtol=1e-6)


@pytest.mark.parametrize(
    ("scattering", "ratio", "expected"),
    [
        (ISOTROPISING, 1.5, (0.8960, 0.8989, 0.9157, 0.9526)),
        (ISOTROPISING, 3.0, (0.6731, 0.6754, 0.6937, 0.7602)),
        (ISOTROPISING, 10.0, (0.3814, 0.3828, 0.3944, 0.4447)),
        (SMALL, 1.5, (0.5919, 0.7213, 0.8881, 0.9638)),
        (SMALL, 3.0, (0.2673, 0.3546, 0.5525, 0.7827)),
        (SMALL, 10.0, (0.0839, 0.1273, 0.2484, 0.4424)),
    ],
)
def test_diffusion_at_any_rate(scattering, ratio, expected):
    """From 129 points, which Monte Carlo with 20,000 guiding centres met within 2.2 errors."""
    found = [relative(cosine(ratio), rate, scattering) for rate in RATES]
    # what 65 points leave: 3e-3 of rare isotropising events, rounding of small angles
    np.testing.assert_allclose(found, expected, rtol=3e-3 if scattering is ISOTROPISING else 7e-4)


@pytest.mark.parametrize(
    ("scattering", "rate", "drift", "diffusion"),
    [
        (ISOTROPISING, 0.3, 0.1250, 0.603),
        (ISOTROPISING, 1.0, 0.1602, 0.654),
        (ISOTROPISING, 3.0, 0.1850, 0.742),
        (SMALL, 0.3, 0.0786, 0.322),
        (SMALL, 1.0, 0.1307, 0.523),
        (SMALL, 3.0, 0.1932, 0.773),
    ],
)
def test_drift_and_diffusion_in_a_falling_field(scattering, rate, drift, diffusion):
    """The same, R = 3 where the row is level and ln(B1/B2) = .25; per v lambda_s/3."""
    found = transport(log_cosine(jnp.log(3.0)), 0.25, 1.0, rate, scattering=scattering)
    np.testing.assert_allclose(3 * rate * found.drift, drift, rtol=1e-3)
    np.testing.assert_allclose(3 * rate * found.diffusion, diffusion, rtol=1e-3)
    np.testing.assert_allclose(found.drift, 0.25 * found.steady_diffusion, rtol=1e-14)


# invariants


@pytest.mark.parametrize("ratio", [1.5, 3.0, 10.0])
@pytest.mark.parametrize(("scattering", "share"), [(ISOTROPISING, 0.6), (SMALL, 0.2)])
def test_diffusion_lies_between_its_bounds(scattering, share, ratio):
    """Bounds from cutting the continued fraction at K_1 = nu and at K_2 = nu_2.

    K_1 >= nu gives D <= 1/(<1/B><B>), K_1 <= nu + T_1' T_1/nu_2 with T_1 e^(b/2) = 3 a_2 b'
    e^(b/2)/2 and a_2² = 4/15 the lower one: .6/nu_2 <b'² B> more in <B>.
    """
    b, slope = cosine(ratio, 33), (ratio - 1) * np.pi * jnp.sin(turns(33))
    strength = jnp.exp(b)
    for rate in (0.1, 1.0, 10.0, 100.0):
        highest = jnp.mean(1 / strength) * jnp.mean(strength)
        more = jnp.mean(1 / strength) * share / rate**2 * jnp.mean(slope**2 / strength)
        found = relative(b, rate, scattering)
        assert 1 / (highest + more) - 1e-12 < found < 1 / highest + 1e-12
    np.testing.assert_allclose(found, 1 / highest, rtol=2e-3)  # frequent: they meet


@pytest.mark.parametrize("scattering", KINDS)
@pytest.mark.parametrize("gradient", [-0.4, 1e-3, 1e-5, 0.0, 0.3])
def test_rates_are_balanced_by_time_reversal(scattering, gradient):
    closure = PitchAngleClosure(1.0, scattering)
    right, left = closure.rates(trap_from_ratio(3.0, gradient), 1.0)
    np.testing.assert_allclose(right / left, np.exp(gradient), rtol=1e-14)
    b = log_cosine(jnp.log(3.0), 17)
    found = transport(b, gradient, 1.0, 1.0, scattering=scattering)
    mirrored = transport(b, -gradient, 1.0, 1.0, scattering=scattering)
    # 1e-9: 128 levels of solves and, in D, second derivatives of them
    np.testing.assert_allclose(found.drift, -mirrored.drift, rtol=1e-9)
    np.testing.assert_allclose(found.diffusion, mirrored.diffusion, rtol=1e-8)
    if abs(gradient) < 1e-4:  # where they are one; they part with the square of the gradient
        np.testing.assert_allclose(found.diffusion, found.steady_diffusion, rtol=1e-8)


def test_growth_of_exponentials_is_symmetric_about_half_the_gradient():
    """psi(q) = psi(-k - q), of which V = k D_f is a consequence: psi(-k) = 0 for any rate."""
    b, k, nu, q = log_cosine(jnp.log(3.0), 17), 0.25, 1.0, 0.1

    @jax.jit
    def smallest(exponent, growth):
        fraction, to, back = _continued_fraction(b, k, nu, SMALL, exponent, growth)
        return jnp.linalg.det(growth * jnp.eye(17) - back @ jnp.linalg.solve(fraction, to))

    def growth(exponent):
        return brentq(lambda p: float(smallest(exponent, p)), -0.005, 0.04, xtol=1e-14)

    np.testing.assert_allclose(growth(q), growth(-k - q), rtol=1e-8)
    np.testing.assert_allclose(growth(-k), 0.0, atol=1e-12)
    found = transport(b, k, 1.0, nu, scattering=SMALL)
    second = (growth(1e-3) + growth(-1e-3)) / 1e-6
    # second differences: 1e-14/1e-6 of rounding, 1e-6 of truncation
    np.testing.assert_allclose(found.diffusion, second / 2, rtol=1e-5)
    np.testing.assert_allclose(found.drift, (growth(1e-3) - growth(-1e-3)) / 2e-3, rtol=1e-5)


def test_lengths_scale():
    closure, doubled = PitchAngleClosure(1.0), PitchAngleClosure(2.0)
    trap = trap_from_ratio(3.0, 0.2)
    rates, half = closure.rates(trap, 1.0), doubled.rates(trap, 0.5)
    np.testing.assert_allclose(jnp.stack(half) * 2, jnp.stack(rates), rtol=1e-12)
    one, two = (bottle_transport(cosine(3.0, 17), 0.2, x, 1 / x) for x in (1.0, 2.0))
    np.testing.assert_allclose([two.drift, two.diffusion / 2], one[:2], rtol=1e-12)


def test_more_points_converge():
    found = [relative(cosine(3.0, num), 0.3, ISOTROPISING) for num in (17, 33, 65)]
    assert abs(found[2] - found[1]) < 0.6 * abs(found[1] - found[0])
    found = [relative(cosine(3.0, num), 0.3, SMALL) for num in (17, 33)]
    np.testing.assert_allclose(*found, rtol=3e-4)


# the closure in chains


def test_a_line_of_traps_rests_in_a_uniform_density():
    traps = line_of_traps(jnp.array([3.0, 4.0, 2.0, 3.0]), jnp.array([0.1, 0.2, -0.1, 0.0]))
    ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
    chain = trap_chain(traps, scattering_rate=1.0, closure=PitchAngleClosure(1.0), **ends)
    density = equilibrium(chain) / flux_tube_volume(traps)
    np.testing.assert_allclose(density / density[0], 1.0, rtol=1e-12)


def test_hops_from_loss_cones_have_the_drift_over_diffusion_but_no_times():
    trap = trap_from_ratio(3.0, 0.25)
    old, new = (jnp.stack(c.rates(trap, 1.0)) for c in (DetailedBalance(), PitchAngleClosure(1.0)))
    np.testing.assert_allclose(old[0] / old[1], new[0] / new[1], rtol=1e-12)
    assert new[0] > 2 * old[0]


# derivatives


@pytest.mark.parametrize(("scattering", "gradient"), [(ISOTROPISING, 0.2), (SMALL, 0.0)])
def test_derivatives_equal_differences(scattering, gradient):
    def rates(p):
        return jnp.stack(PitchAngleClosure(p[3], scattering).rates(trap_from_ratio(*p[:2]), p[2]))

    point, step = jnp.array([3.0, gradient, 0.7, 1.3]), 1e-3
    slopes, compiled = jax.jit(jax.jacrev(rates))(point), jax.jit(rates)
    for i in range(4):
        unit = step * jnp.eye(4)[i]
        near = compiled(point + unit) - compiled(point - unit)
        far = compiled(point + 2 * unit) - compiled(point - 2 * unit)
        # 1e-8: truncation step⁴, rounding 1e-13/step
        np.testing.assert_allclose(slopes[:, i], (8 * near - far) / (12 * step), atol=1e-8)


@pytest.mark.parametrize("scattering", KINDS)
def test_derivatives_where_mirrors_and_gradient_vanish(scattering):
    def rates(ratio, gradient, rate):
        closure = PitchAngleClosure(1.0, scattering)
        return jnp.stack(closure.rates(trap_from_ratio(ratio, gradient), rate))

    # g, r = (1 ± k/2)/(3 nu) to first order; mirrors act to second
    slopes = jnp.stack(jax.jacfwd(rates, (0, 1, 2))(1.0, 0.0, 2.0))
    expected = [[0, 0], [1 / 12, -1 / 12], [-1 / 12, -1 / 12]]
    np.testing.assert_allclose(slopes, expected, atol=1e-12)
    both = jax.jit(jax.vmap(lambda r: mirror_suppression(trap_from_ratio(r, 0.1), 1.0, r)))
    assert jnp.all(jnp.isfinite(both(jnp.array([1.5, 2.0]))))


def test_derivatives_of_drift_diffusion_and_the_rare_limit():
    def found(p):
        b = cosine(p[0], 9)
        moved = bottle_transport(b, p[1], 1.0, p[2], scattering=SMALL)
        return jnp.stack([*moved, ISOTROPISING.rare_diffusion(b), SMALL.rare_diffusion(b)])

    point, step = jnp.array([3.0, 0.3, 0.7]), 1e-3
    slopes, compiled = jax.jit(jax.jacfwd(found))(point), jax.jit(found)
    for i in range(3):
        unit = step * jnp.eye(3)[i]
        near = compiled(point + unit) - compiled(point - unit)
        far = compiled(point + 2 * unit) - compiled(point - 2 * unit)
        np.testing.assert_allclose(slopes[:, i], (8 * near - far) / (12 * step), atol=1e-8)


# bad numbers


def test_isotropising_events_rarer_than_the_gradient_have_no_series():
    trap = trap_from_ratio(3.0, 0.5)
    with pytest.raises(ValueError, match=r"scattering_rate: expected at least \|ln\(B1/B2\)\|/len"):
        PitchAngleClosure(1.0).rates(trap, 0.3)
    assert jnp.all(jnp.isfinite(jnp.stack(PitchAngleClosure(1.0, SMALL).rates(trap, 0.3))))
    traced = jax.jit(lambda rate: PitchAngleClosure(1.0).rates(trap, rate))(0.3)
    assert jnp.all(jnp.isnan(jnp.stack(traced)))


def test_a_traced_trap_without_mirrors_is_not_a_number():
    rates = jax.jit(lambda r: PitchAngleClosure(1.0, SMALL).rates(trap_from_ratio(r, 0.5), 1.0))
    assert jnp.all(jnp.isnan(jnp.stack(rates(1.1))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((jnp.zeros(8), 0.0, 1.0, 1.0), "log_strength: expected an odd number of points, got 8"),
        ((jnp.zeros(9), 0.0, 0.0, 1.0), "length: expected a positive number"),
        ((jnp.zeros(9), 0.0, 1.0, -1.0), "scattering_rate: expected a positive number"),
    ],
)
def test_bad_numbers_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"bottle_transport: {message}"):
        bottle_transport(*arguments)
    with pytest.raises(ValueError, match="PitchAngleClosure: length: expected a positive"):
        PitchAngleClosure(-1.0)


def test_float32_stays_float32():
    single = Trap(*(jnp.float32(b) for b in (1.0, 4.0, 3.0)))
    rates = PitchAngleClosure(1.0).rates(single, 0.5)
    assert {rate.dtype for rate in rates} == {jnp.dtype("float32")}
    # 1e-4: roundings of 128 solves
    np.testing.assert_allclose(
        rates, PitchAngleClosure(1.0).rates(Trap(1.0, 4.0, 3.0), 0.5), rtol=1e-4
    )


# guiding centres


@functools.partial(jax.jit, static_argnames=("small", "num"))
def follow(key, depth, gradient, nu, halves, path, *, small, num):
    """Return x at path/4 and at path, and the paths at which |x - 1/2| passed three halves.

    Bottles of length 1 with tops at whole x; kick, drift, kick with M kept, then scattering.
    """
    h = jnp.float32(0.025)
    key = jax.random.key(jax.random.bits(key), impl="rbg")  # faster
    depth, gradient, nu, path = (jnp.asarray(x, h.dtype) for x in (depth, gradient, nu, path))
    halves = jnp.asarray(halves, h.dtype)[:, None]

    def field(x):
        turn = 2 * jnp.pi * x
        return depth / 2 * jnp.cos(turn) - gradient * x, -depth * jnp.pi * jnp.sin(turn) - gradient

    def scatter(mu, speed, u, w):
        if not small:
            return jnp.where(u < -jnp.expm1(-nu * h), 2 * w - 1, mu)
        angle = jnp.sqrt(-2 * nu * h * jnp.log1p(-u))  # <angle²> = 2 nu h
        mu = jnp.clip(mu / speed, -1, 1)
        around = jnp.sqrt(1 - mu**2) * jnp.cos(2 * jnp.pi * w)
        return jnp.clip(mu * jnp.cos(angle) + around * jnp.sin(angle), -1, 1)

    def advance(state):
        i, x, along, across, times, early, late = state
        b, slope = field(x)
        along = along - h / 4 * across * slope
        x = x + h * along
        after, slope = field(x)
        across = across * jnp.exp(after - b)
        along = along - h / 4 * across * slope
        u, w = jax.random.uniform(jax.random.fold_in(key, i), (2, num), h.dtype)
        mu = scatter(along, jnp.sqrt(along**2 + across), u, w)
        across = jnp.where(mu == along, across, 1 - mu**2)
        s = h * (i + 1).astype(h.dtype)
        new = jnp.isnan(times) & (jnp.abs(x - 0.5)[None] > halves)
        early, late = (
            jnp.where(s <= end, x, kept) for end, kept in ((path / 4, early), (path, late))
        )
        return i + 1, x, mu, across, jnp.where(new, s, times), early, late

    def running(state):
        i, *_, times, _, _ = state
        return (h * i.astype(h.dtype) < path) | jnp.any(jnp.isnan(times))

    start = jnp.full(num, 0.5, h.dtype)
    mu = jax.random.uniform(jax.random.fold_in(key, 2**31), (num,), h.dtype, -1, 1)
    never = jnp.full((3, num), jnp.nan, h.dtype)
    state = jnp.zeros((), jnp.int32), start, mu, 1 - mu**2, never, start, start
    *_, times, early, late = jax.lax.while_loop(running, advance, state)
    return early, late, times


def against_guiding_centres(key, ratio, rate, gradient, scattering, num):
    """Return measured and expected V, D and escape time from a row, and the standard error.

    Particles that start in the middle of a chain escape after h tanh(k h/2)/V, h the distance to
    where the density is zero. For guiding centres that lies z behind the end, and the first and
    last free path add c: both follow from two shorter rows. The expected time is that of the chain
    in the longest row with this z and c.
    """
    small = scattering is SMALL
    trap = trap_from_ratio(ratio, gradient)
    rates = PitchAngleClosure(1.0, scattering).rates(trap, rate)
    steady = (rates[0] - rates[1]) / gradient if gradient else rates[0]
    depth = log_swing(jnp.log(ratio), jnp.asarray(gradient))
    exact = bottle_transport(log_cosine(depth), gradient, 1.0, rate, scattering=scattering)
    # layers at the ends decay within a few free paths, more slowly where the field falls
    flight = max(
        (2 if gradient > rate / 3 else 0.5) / rate, 3 * float(exact.diffusion) if small else 0.0
    )
    halves = 0.5 + max(1, np.ceil(flight)) * np.array([2.0, 3.0, 5.0])
    key = jax.random.fold_in(key, int(1e4 * ratio + 1e3 * rate + 1e2 * gradient) + small)
    path = 40 / rate + 40
    early, late, times = (
        np.asarray(x, float)
        for x in follow(key, depth, gradient, rate, halves, path, small=small, num=num)
    )
    drift = (late - early) / (0.75 * path)
    spread = ((late - late.mean()) ** 2 - (early - early.mean()) ** 2) / (1.5 * path)

    def escape(h):
        steepness = gradient * h / 2
        return h**2 / (2 * steady) * (np.tanh(steepness) / steepness if gradient else 1.0)

    def predicted(first, second):
        def excess(z):
            return escape(halves[1] + z) - escape(halves[0] + z) - (second - first)

        drift_alone = gradient * halves[0] > 3  # then z does not matter
        z = 0.0 if drift_alone else brentq(excess, -0.99 * halves[0], 10 * halves[0])
        return second + escape(halves[2] + z) - escape(halves[1] + z)

    first, second, third = times.mean(1)
    step = 1e-3 * first
    by_first = (predicted(first + step, second) - predicted(first - step, second)) / (2 * step)
    by_second = (predicted(first, second + step) - predicted(first, second - step)) / (2 * step)
    rest = times[2] - by_first * times[0] - by_second * times[1]

    def error(values):
        return values.std() / np.sqrt(num)

    return {
        "V": (drift.mean(), float(exact.drift), error(drift)),
        "D": (spread.mean(), float(exact.diffusion), error(spread)),
        "T": (third, predicted(first, second), error(rest)),
    }


def errors_away(found):
    """Return measured minus expected over the error of each, and print them."""
    for name, (measured, expected, error) in found.items():
        print(f"{name} = {measured:.4g} ± {error:.2g}, expected {expected:.4g}")
    return {k: (measured - expected) / error for k, (measured, expected, error) in found.items()}


@pytest.mark.parametrize(("scattering", "other"), [KINDS, KINDS[::-1]])
@pytest.mark.slow
def test_guiding_centres_move_so(key, scattering, other):
    found = against_guiding_centres(key, 3.0, 1.0, 0.25, scattering, 2048)
    away = errors_away(found)
    assert max(map(abs, away.values())) < 3, away
    # and not as with the other kind of scattering
    drift, _, error = found["V"]
    wrong = transport(log_cosine(jnp.log(3.0)), 0.25, 1.0, 1.0, scattering=other).drift
    assert abs(float(wrong) - drift) > 3 * error


@pytest.mark.slow
@pytest.mark.parametrize("scattering", KINDS)
@pytest.mark.parametrize("gradient", [0.0, 0.25])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("ratio", [1.5, 3.0, 10.0])
def test_guiding_centres_move_so_at_any_rate(key, ratio, rate, gradient, scattering):
    if scattering is ISOTROPISING and rate < gradient:
        pytest.skip("isotropising events rarer than the gradient: no series")
    found = against_guiding_centres(key, ratio, rate, gradient, scattering, 2048)
    away = errors_away(found)
    assert max(map(abs, away.values())) < 3, away
