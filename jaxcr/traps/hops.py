"""Hops between traps measured: guiding centres that scatter in a chain of magnetic bottles."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, check_positive, check_range, is_concrete
from jaxcr.fields import MirrorChainField
from jaxcr.statistics import Estimate, jackknife
from jaxcr.traps.scattering import IsotropisingScattering, PitchAngleScattering

_ISOTROPISING = IsotropisingScattering()
_GROUPS = 32
_MOST_STEPS = 1e9  # whole numbers of 32 bits count twice as many
_BURN_IN = 4  # of so many parts of the path one passes before displacements count


class MeasuredHops(eqx.Module):
    """How guiding centres move through a chain of bottles; lengths in pc, path for time.

    Attributes
    ----------
    drift, diffusion
        V = d<x>/ds and D = (1/2) d Var(x)/ds.
    exponent
        V length/D, which is 2 (g - r)/(g + r) for a chain of hops to neighbours.
    rate_right, rate_left
        Hops per path, whether trapped or passing, from being trapped in one bottle to being trapped
        1, 2, ... bottles farther on, (hop,): the rates of a ``banded_chain``.
    asymmetry
        rate_right/rate_left of hops to the next bottle. For scattering that forgets the direction,
        time reversal makes it B1/B2, and that of jumps over m bottles (B1/B2)^m.
    jumps
        Share of all hops that skip a bottle or more. A chain has none.
    correlation
        Of the lengths of a hop and the next; 0 in a chain. Then, and without a gradient,
        sum of m² length² (g_m + r_m)/2 is D. Small angles go on in the direction of the last hop
        and diffuse faster than that; in a gradient D is smaller, because far hops last long and
        are no events of a Poisson process. sum of m length (g_m - r_m) is V always.
    """

    drift: Estimate
    diffusion: Estimate
    exponent: Estimate
    rate_right: Estimate
    rate_left: Estimate
    asymmetry: Estimate
    jumps: Estimate
    correlation: Estimate


class _Particle(NamedTuple):
    """A guiding centre: place, field there, velocity along and energy across it, last trap."""

    x: Scalar
    log_strength: Scalar
    slope: Scalar
    along: Scalar
    across: Scalar
    trap: Int[Array, ""]


class _Hops(NamedTuple):
    """Hops by distance of each group, the last hop of each particle, and sums over its hops."""

    count: Int[Array, "group distance"]
    last: Float[Array, " particle"]
    square: Float[Array, " particle"]
    product: Float[Array, " particle"]


def measure_hops(
    field: MirrorChainField,
    *,
    scattering_rate: ScalarLike,
    path_length: ScalarLike,
    num_particles: int,
    key: Key[Array, ""],
    scattering: PitchAngleScattering = _ISOTROPISING,
    step: ScalarLike = 0.02,
    max_hops: int = 16,
    dtype: Any = jnp.float32,
) -> MeasuredHops:
    """Follow guiding centres that scatter, and measure drift, diffusion and hop rates.

    ds v = -(1 - mu²)/2 dlnB/dx, by kick, drift and kick with the magnetic moment kept; scattering
    keeps the energy. Start: the middle of the first bottle, isotropic.

    Parameters
    ----------
    field
        The bottles; as many as particles may come to (the field goes on for ever).
    scattering_rate
        nu, per pc of path.
    path_length
        In pc; a quarter of it passes before displacements count.
    num_particles
        A multiple of 32; static.
    key
        Of all random numbers.
    scattering
        ``IsotropisingScattering()`` or ``SmallAngleScattering()``.
    step
        In lengths of a bottle.
    max_hops
        Bottles up to which the rates are told apart; what hops farther counts as that far. Static.
    dtype
        Of positions and velocities.

    Raises
    ------
    ValueError
        If the particles are not a multiple of 32, or a known number is not positive.

    Notes
    -----
    Errors: jackknife over 32 groups of particles; inf or NaN where no hop was counted. A
    scattering rate times the step above 0.1 biases the small-angle walk.
    """
    check_positive("measure_hops: scattering_rate", scattering_rate)
    check_range("measure_hops: max_hops", max_hops, 1)
    _check_steps("measure_hops: path_length", path_length, step, field)
    if num_particles < _GROUPS or num_particles % _GROUPS:
        raise argument_error(
            "measure_hops: num_particles", expected=f"a multiple of {_GROUPS}",
            got=num_particles, remedy="Errors are jackknifed over as many groups.",
        )  # fmt: skip
    nu, path, step = (jnp.asarray(x, dtype) for x in (scattering_rate, path_length, step))
    moments, path = _moments(field, nu, path, step, key, num_particles, scattering, max_hops)
    length = field.length
    return MeasuredHops(
        drift=jackknife(lambda m: _drift(m, path), moments),
        diffusion=jackknife(lambda m: _diffusion(m, path), moments),
        exponent=jackknife(lambda m: length * _drift(m, path) / _diffusion(m, path), moments),
        rate_right=jackknife(lambda m: m["right"] / path, moments),
        rate_left=jackknife(lambda m: m["left"] / path, moments),
        asymmetry=jackknife(lambda m: m["right"][0] / m["left"][0], moments),
        jumps=jackknife(lambda m: 1 - (m["right"] + m["left"])[0] / _all_hops(m), moments),
        correlation=jackknife(_correlation, moments),
    )


def scatter_in_bottles(
    field: MirrorChainField,
    *,
    scattering_rate: ScalarLike,
    sample_length: ScalarLike,
    num_samples: int,
    num_particles: int,
    key: Key[Array, ""],
    start_bottle: int = 0,
    scattering: PitchAngleScattering = _ISOTROPISING,
    step: ScalarLike = 0.02,
    dtype: Any = jnp.float32,
) -> Float[Array, "sample particle"]:
    """Return x (pc) of the guiding centres of ``measure_hops`` at equal distances along the path.

    Parameters
    ----------
    sample_length
        Path between samples, pc; rounded up to whole steps.
    num_samples
        Samples, the first after one ``sample_length``; static.
    start_bottle
        Number of the bottle in whose middle all start.
    field, scattering_rate, num_particles, key, scattering, step, dtype
        As for ``measure_hops``; any number of particles; a rate of 0 lets them stream freely.
    """
    check_range("scatter_in_bottles: scattering_rate", scattering_rate, 0)
    check_range("scatter_in_bottles: num_samples", num_samples, 1)
    check_range("scatter_in_bottles: num_particles", num_particles, 1)
    _check_steps("scatter_in_bottles: sample_length", sample_length, step, field)
    nu, step = jnp.asarray(scattering_rate, dtype), jnp.asarray(step, dtype)
    return _samples(
        field, nu, jnp.asarray(sample_length, dtype), step, key, num_samples, num_particles,
        scattering, start_bottle,
    )  # fmt: skip


def _check_steps(name: str, path_length, step, field: MirrorChainField) -> None:
    """Raise unless the path takes a number of steps that can be counted, and made in a day."""
    check_positive(name, path_length, expected="a positive length in pc")
    check_positive(f"{name.split(':')[0]}: step", step, expected="a positive part of a bottle")
    if is_concrete(path_length, step, field.length):
        num_steps = float(path_length) / (float(step) * float(field.length))
        check_range(f"{name} over step", num_steps, 0, _MOST_STEPS, expected="at most 1e9 steps")


@eqx.filter_jit
def _samples(field, nu, sample_length, step, key, num_samples, num_particles, scattering, bottle):
    start, advance, h = _walk(field, nu, step, key, num_particles, scattering, bottle)
    steps = jnp.ceil(sample_length / h).astype(jnp.int32)

    def sample(particles, number):
        particles = jax.lax.fori_loop(number * steps, (number + 1) * steps, advance, particles)
        return particles, particles.x

    return jax.lax.scan(sample, start, jnp.arange(num_samples, dtype=jnp.int32))[1]


def _drift(moments, path):
    return (moments["x"] - moments["early_x"]) / path


def _all_hops(moments):
    return jnp.sum(moments["right"] + moments["left"])


def _correlation(moments):
    num = _all_hops(moments)
    mean = moments["hop"] / num
    return (moments["product"] / num - mean**2) / (moments["square"] / num - mean**2)


def _diffusion(moments, path):
    late = moments["xx"] - moments["x"] ** 2
    early = moments["early_xx"] - moments["early_x"] ** 2
    return (late - early) / (2 * path)


@eqx.filter_jit
def _moments(field, nu, path, step, key, num, scattering, max_hops):
    """Return means of each group, and the path over which the displacements were taken."""
    start, advance, h = _walk(field, nu, step, key, num, scattering, 0)
    num_steps = jnp.ceil(path / h).astype(jnp.int32)
    burn_in = num_steps // _BURN_IN
    early = jax.lax.fori_loop(0, burn_in, advance, start)
    group = jnp.arange(num) // (num // _GROUPS)

    def count(i, carry):
        before, hops = carry
        after = advance(i, before)
        return after, _counted(hops, group, after.trap - before.trap)

    zero = jnp.zeros(num, early.x.dtype)
    none = _Hops(jnp.zeros((_GROUPS, 2 * max_hops + 1), jnp.int32), zero, zero, zero)
    late, hops = jax.lax.fori_loop(burn_in, num_steps, count, (early, none))
    origin = start.x
    rows = {
        "early_x": early.x - origin, "early_xx": (early.x - origin) ** 2,
        "x": late.x - origin, "xx": (late.x - origin) ** 2, "square": hops.square,
        "product": hops.product, "hop": (late.trap - early.trap).astype(zero.dtype),
    }  # fmt: skip
    means = {k: jnp.mean(v.reshape(_GROUPS, -1).astype(float), axis=1) for k, v in rows.items()}
    share = hops.count.astype(float) / (num // _GROUPS)
    means["right"], means["left"] = share[:, max_hops + 1 :], share[:, max_hops - 1 :: -1]
    return means, (num_steps - burn_in).astype(float) * h.astype(float)


def _counted(hops: _Hops, group, hop) -> _Hops:
    """Return the counts with those hops that are not 0."""
    middle = hops.count.shape[1] // 2
    bin_ = jnp.clip(hop, -middle, middle) + middle  # the one in the middle is not looked at
    step = hop.astype(hops.last.dtype)
    return _Hops(
        hops.count.at[group, bin_].add(1),
        jnp.where(hop == 0, hops.last, step),
        hops.square + step**2,
        hops.product + hops.last * step,
    )


def _walk(field, nu, step, key, num, scattering, bottle):
    """Return the particles at the start, the function of a step and its number, and its length."""
    h = step * field.length.astype(step.dtype)
    start_key, key = jax.random.split(key)

    def advance(i, particles):
        draws = jax.random.uniform(jax.random.fold_in(key, i), (num,), step.dtype)
        return jax.vmap(lambda p, u: _step(field, scattering, nu, h, p, u))(particles, draws)

    return _start(field, start_key, num, step.dtype, bottle), advance, h


def _start(field, key, num, dtype, bottle: int) -> _Particle:
    """Return isotropic particles in the middle of a bottle."""
    mu = jax.random.uniform(key, (num,), dtype, -1, 1)
    x = jnp.full(num, bottle + 0.5, dtype) * field.length.astype(dtype)
    trap = jnp.zeros(num, jnp.int32)
    return _Particle(x, *jax.vmap(field.log_strength)(x), mu, 1 - mu**2, trap)


def _step(field, scattering, nu, h, particle: _Particle, draw: Scalar) -> _Particle:
    """Move a particle, scatter it, and see whether it is trapped in another bottle now."""
    along = particle.along - h / 4 * particle.across * particle.slope
    x = particle.x + h * along
    after, slope = field.log_strength(x)
    across = particle.across * jnp.exp(after - particle.log_strength)
    along = along - h / 4 * across * slope
    mu = scattering.scatter(along, across, nu * h, draw)
    along, across = mu, jnp.where(mu == along, across, 1 - mu**2)
    trap = jnp.floor(x / field.length.astype(x.dtype)).astype(jnp.int32)
    trap = jnp.where(_is_trapped(field, trap, after, along, across), trap, particle.trap)
    return _Particle(x, after, slope, along, across, trap)


def _is_trapped(field, trap, log_strength, along, across) -> Bool[Array, ""]:
    """Return whether the weaker mirror of the bottle turns the particle."""
    growth = field.growth.astype(across.dtype)
    mirror = jnp.log(field.left).astype(across.dtype) + growth * trap.astype(across.dtype)
    weaker = mirror + jnp.minimum(growth, 0)
    return across * jnp.exp(weaker - log_strength) > along**2 + across
