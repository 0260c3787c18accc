"""Ready problems of the field: halo, starburst, heliosphere, shock, expansion."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, broadcasting, check_finite, check_positive, check_range
from jaxcr.kinetic.parker.boundaries import FreeEscape, Outflow, Prescribed, Reflecting
from jaxcr.kinetic.parker.grid import CartesianGrid, MomentumGrid, SphericalGrid
from jaxcr.kinetic.parker.problem import ParkerProblem

OfMomentum = Callable[[Array], Array]


def galactic_halo(
    *,
    half_height: ScalarLike,
    diffusion: OfMomentum | ScalarLike,
    injection: OfMomentum | ScalarLike,
    momentum: MomentumGrid | None = None,
    wind_speed: ScalarLike = 0.0,
    num_cells: int = 64,
) -> ParkerProblem:
    """Return the upper half of a flat halo above a thin disc of sources.

    Sources in the plane z = 0, free escape at z = ``half_height``, a wind of constant speed away
    from the plane; there it expands, and particles lose energy.

    Parameters
    ----------
    half_height
        H in pc.
    diffusion
        kappa in pc, a number or a function of momentum.
    injection
        Particles per pc² of disc, pc of time and ln p, both sides together; number or function.
    momentum
        Cells in ln p, or ``None``.
    wind_speed
        V over the speed of light.
    num_cells
        Cells in z; static.

    Notes
    -----
    Without energy losses N = q (1 - exp(-V (H - z)/kappa))/(2 V), or q (H - z)/(2 kappa) at rest.
    Source: Berezinskii et al., Astrophysics of Cosmic Rays (1990), ch. 3.
    """
    speed = as_float(check_finite("galactic_halo: wind_speed", wind_speed))
    height = as_float(half_height)
    check_positive("galactic_halo: half_height", height)
    grid = CartesianGrid(height * jnp.arange(num_cells + 1, dtype=height.dtype) / num_cells)
    momenta = jnp.ones(1) if momentum is None else momentum.centers()
    supply = _of_momentum(injection)(momenta) / (2 * height / num_cells)
    in_plane = (jnp.arange(num_cells) == 0).astype(supply.dtype)
    return ParkerProblem(
        grid,
        diffusion=_spatially_uniform(diffusion),
        momentum=momentum,
        velocity=lambda z: speed.astype(z.dtype) * jnp.ones_like(z),
        source=jnp.broadcast_to(supply, momenta.shape)[:, None] * in_plane[None],
        boundaries=((Reflecting(), FreeEscape()),),
    )


def starburst_wind(
    *,
    nucleus_radius: ScalarLike,
    outer_radius: ScalarLike,
    wind_speed: ScalarLike,
    diffusion: OfMomentum | ScalarLike,
    injection: OfMomentum | ScalarLike,
    loss_rate: ScalarLike = 0.0,
    momentum: MomentumGrid | None = None,
    num_cells: int = 96,
) -> ParkerProblem:
    """Return a spherical nucleus full of sources that blows a wind.

    u rises linearly to V at the edge of the nucleus and stays; free escape far outside.

    Parameters
    ----------
    nucleus_radius, outer_radius
        In pc.
    wind_speed
        V over the speed of light.
    diffusion
        kappa in pc, a number or a function of momentum.
    injection
        Particles per pc³ of nucleus, pc of time and ln p; number or function of momentum.
    loss_rate
        Of inelastic collisions in the nucleus, 1/pc.
    momentum
        Cells in ln p, or ``None``.
    num_cells
        Cells in radius; static.

    Notes
    -----
    The share that collides before it escapes is ``budget.lost / budget.injected``: the
    calorimetric fraction. Source: Krumholz et al., MNRAS 493 (2020) 2817.
    """
    speed = as_float(check_finite("starburst_wind: wind_speed", wind_speed))
    radius, outer = as_float(nucleus_radius), as_float(outer_radius)
    check_positive("starburst_wind: nucleus_radius", radius)
    check_positive("starburst_wind: outer_radius - nucleus_radius", outer - radius)
    inside = num_cells // 2
    steps = jnp.arange(num_cells - inside + 1, dtype=radius.dtype) / (num_cells - inside)
    core = radius * jnp.arange(inside, dtype=radius.dtype) / inside
    grid = SphericalGrid(jnp.concatenate([core, radius * (outer / radius) ** steps]))
    check_range("starburst_wind: loss_rate", loss_rate, 0)
    supply, collisions = _of_momentum(injection), as_float(loss_rate)

    def share(r):
        return jnp.where(r[0] < radius.astype(r.dtype), 1.0, 0.0).astype(r.dtype)

    return ParkerProblem(
        grid,
        diffusion=_spatially_uniform(diffusion),
        momentum=momentum,
        velocity=lambda r: speed.astype(r.dtype) * jnp.minimum(r / radius.astype(r.dtype), 1),
        source=lambda r, p: supply(p) * share(r),
        loss_rate=lambda r, p: collisions.astype(r.dtype) * share(r),
        boundaries=((Reflecting(), FreeEscape()),),
    )


def heliospheric_modulation(
    *,
    outer_radius: ScalarLike,
    wind_speed: ScalarLike,
    diffusion: OfMomentum | ScalarLike,
    interstellar: OfMomentum,
    momentum: MomentumGrid,
    inner_radius: ScalarLike,
    num_cells: int = 64,
) -> ParkerProblem:
    """Return a radial wind that keeps Galactic particles out and cools those that come in.

    Parameters
    ----------
    outer_radius, inner_radius
        Of the modulated sphere and of an impenetrable core, pc.
    wind_speed
        V over the speed of light, constant.
    diffusion
        Radial kappa in pc, a number or a function of momentum.
    interstellar
        N outside, particles per volume and ln p, a function of momentum.
    momentum
        Cells in ln p; ``continued=True``, since particles come from above its end.
    num_cells
        Cells, of equal ratio of radii; static.

    Notes
    -----
    For little modulation f is that of ``force_field``. Source: Gleeson & Axford, ApJ 154 (1968)
    1011.
    """
    speed = as_float(check_finite("heliospheric_modulation: wind_speed", wind_speed))
    inner, outer = as_float(inner_radius), as_float(outer_radius)
    check_positive("heliospheric_modulation: inner_radius", inner)
    check_positive("heliospheric_modulation: outer_radius - inner_radius", outer - inner)
    steps = jnp.arange(num_cells + 1, dtype=inner.dtype) / num_cells
    return ParkerProblem(
        SphericalGrid(inner * (outer / inner) ** steps),
        diffusion=_spatially_uniform(diffusion),
        momentum=momentum,
        velocity=lambda r: speed.astype(r.dtype) * jnp.ones_like(r),
        boundaries=((Reflecting(), Prescribed(lambda r, p: interstellar(p))),),
    )


def force_field(
    interstellar: OfMomentum,
    momentum: Float[Array, "..."],
    potential: ScalarLike,
    *,
    rest_momentum: ScalarLike,
) -> Float[Array, "..."]:
    """Return N inside a modulated sphere in the force-field approximation.

    f(p) = f_outside(p'), with the energy at p' larger by the potential: a loss of
    phi = int V/(3 kappa_0) dr for kappa = kappa_0 beta p.

    Parameters
    ----------
    interstellar
        N outside as a function of momentum.
    momentum
        Any shape.
    potential, rest_momentum
        phi and the rest mass m c in the unit of ``momentum`` (PV for rigidity: 9.4e-7 of protons).

    Notes
    -----
    Holds where V r/kappa is small against one. Source: Gleeson & Axford, ApJ 154 (1968) 1011.
    """
    mass = as_float(rest_momentum).astype(momentum.dtype)
    energy = jnp.sqrt(momentum**2 + mass**2) + as_float(potential).astype(momentum.dtype)
    outside = jnp.sqrt((energy - mass) * (energy + mass))
    return interstellar(outside) * (momentum / outside) ** 3


def planar_shock(
    *,
    upstream_speed: ScalarLike,
    compression: ScalarLike,
    diffusion: ScalarLike,
    momentum: MomentumGrid,
    width: ScalarLike | None = None,
    extent: ScalarLike = 12.0,
    num_cells: int = 160,
) -> ParkerProblem:
    """Return a plane shock that accelerates particles injected at the lowest momentum.

    u falls from u1 to u2 = u1/compression as a tanh; the flow goes to +x. Free escape far
    upstream, outflow downstream; injection of one particle per pc² and pc, at the shock.

    Parameters
    ----------
    upstream_speed
        u1 over the speed of light in the frame of the shock.
    compression
        r > 1.
    diffusion
        kappa in pc, on both sides.
    momentum
        Cells in ln p; the injection fills the lowest.
    width
        Of the tanh in pc; 0.02 kappa/u1 by default. Wider than 0.05 kappa/u1 the spectrum
        softens: particles must not be reflected within the shock.
    extent
        Half the length of the box in kappa/u2.
    num_cells
        Narrow at the shock, wide far from it; static.

    Notes
    -----
    f ~ p^-q with q = 3 r/(r - 1), in the mean time of ``acceleration_time``. Source: Drury, Rep.
    Prog. Phys. 46 (1983) 973; width: Krülls & Achterberg, A&A 286 (1994) 314.
    """
    fast, ratio, kappa = as_float(upstream_speed), as_float(compression), as_float(diffusion)
    check_positive("planar_shock: upstream_speed", fast)
    check_positive("planar_shock: compression - 1", ratio - 1)
    check_positive("planar_shock: diffusion", kappa)
    slow = fast / ratio
    thickness = 0.02 * kappa / fast if width is None else as_float(width)
    far = jnp.arcsinh(extent * kappa / slow / thickness)
    steps = 2 * jnp.arange(num_cells + 1, dtype=far.dtype) / num_cells - 1
    grid = CartesianGrid(thickness * jnp.sinh(far * steps))
    at_shock = 1 / (2 * jnp.cosh(grid.centers(0) / thickness) ** 2)
    supply = at_shock / jnp.sum(at_shock * grid.volumes()) / momentum.log_width
    first = (jnp.arange(momentum.num_cells) == 0).astype(supply.dtype)

    def velocity(x):
        return (fast + slow) / 2 - (fast - slow) / 2 * jnp.tanh(x / thickness)

    return ParkerProblem(
        grid,
        diffusion=kappa,
        momentum=momentum,
        velocity=velocity,
        source=first[:, None] * supply[None],
        boundaries=((FreeEscape(), Outflow()),),
    )


@broadcasting
def shock_index(compression: ScalarLike) -> Scalar:
    """Return q = 3 r/(r - 1) of f ~ p^-q behind a shock of compression r > 1."""
    compression = as_float(check_range("shock_index: compression", compression, 1, ends="(]"))
    return 3 * compression / (compression - 1)


@broadcasting
def acceleration_time(
    ratio: ScalarLike,
    *,
    upstream_speed: ScalarLike,
    downstream_speed: ScalarLike,
    upstream_diffusion: ScalarLike,
    downstream_diffusion: ScalarLike,
) -> Scalar:
    """Return the mean time in pc to gain a factor ``ratio`` in momentum at a plane shock.

    t = 3/(u1 - u2) (kappa1/u1 + kappa2/u2) ln(ratio), for kappa independent of momentum.

    Parameters
    ----------
    ratio
        p/p0, at least 1.
    upstream_speed, downstream_speed
        u1 > u2 over the speed of light.
    upstream_diffusion, downstream_diffusion
        kappa1 and kappa2 in pc.

    Notes
    -----
    Source: Drury, Rep. Prog. Phys. 46 (1983) 973, eq. 3.31.
    """
    check_range("acceleration_time: ratio", ratio, 1)
    check_range("acceleration_time: upstream_speed", upstream_speed, 0, 1, ends="(]")
    check_positive("acceleration_time: downstream_speed", downstream_speed)
    fast, slow = as_float(upstream_speed), as_float(downstream_speed)
    check_positive("acceleration_time: upstream_speed - downstream_speed", fast - slow)
    for name, value in (("upstream", upstream_diffusion), ("downstream", downstream_diffusion)):
        check_range(f"acceleration_time: {name}_diffusion", value, 0)
    lengths = as_float(upstream_diffusion) / fast + as_float(downstream_diffusion) / slow
    return 3 / (fast - slow) * lengths * jnp.log(ratio)


def adiabatic_expansion(
    *,
    rate: ScalarLike,
    half_width: ScalarLike,
    diffusion: ScalarLike,
    momentum: MomentumGrid,
    num_axes: int = 1,
    num_cells: int = 16,
) -> ParkerProblem:
    """Return a box in a medium that expands as u = rate x along each axis.

    Parameters
    ----------
    rate
        du/dx in 1/pc; negative to compress.
    half_width
        Of the box in pc; particles leave with the flow.
    diffusion
        kappa in pc; a uniform density does not feel it.
    momentum
        Cells in ln p.
    num_axes, num_cells
        Axes of space and cells on each; static.

    Notes
    -----
    A uniform density keeps f along p ~ exp(-num_axes rate t/3): momenta fall as the cube root of
    the density of the medium.
    """
    expansion = as_float(check_finite("adiabatic_expansion: rate", rate))
    half = as_float(half_width)
    check_positive("adiabatic_expansion: half_width", half)
    edges = half * (2 * jnp.arange(num_cells + 1, dtype=half.dtype) / num_cells - 1)
    return ParkerProblem(
        CartesianGrid(*[edges] * num_axes),
        diffusion=as_float(diffusion),
        momentum=momentum,
        velocity=lambda x: expansion.astype(x.dtype) * x,
        boundaries=((Outflow(), Outflow()),) * num_axes,
    )


def _of_momentum(value: OfMomentum | ScalarLike) -> OfMomentum:
    if callable(value):
        return value
    number = as_float(value)
    return lambda p: jnp.broadcast_to(number, jnp.shape(p)).astype(jnp.result_type(p))


def _spatially_uniform(value: OfMomentum | ScalarLike):
    return (lambda x, p: value(p)) if callable(value) else as_float(value)
