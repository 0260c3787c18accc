"""Drifts of guiding centres, one by one and all together."""

import jax.numpy as jnp

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_range
from jaxcr.fields import Field
from jaxcr.fields.local_field import local_field
from jaxcr.kinetic.kinematics import as_speed
from jaxcr.units import GYRORADIUS, gyroradius
from jaxcr.vectors import cross, dot


def guiding_center_velocity(
    field: Field, position: Vector, cosine: Scalar, moment: Scalar, rigidity: ScalarLike
) -> tuple[Vector, Scalar]:
    """Return the velocity of a guiding centre over that of the particle, and d cosine / ds.

    dX/ds = (mu B* + M r_1 R b × grad B / 2) / (b · B*), dmu/ds = -M B* · grad B / (2 b · B*),
    with B* = B + r_1 R mu curl b: parallel motion, gradient and curvature drift, mirror force.

    Parameters
    ----------
    position
        Of the guiding centre in pc.
    cosine, moment
        Pitch-angle cosine mu, and M = (1 - mu²)/|B| in 1/µG.
    rigidity
        In PV with the sign of the charge.

    Returns
    -------
    tuple
        dX/ds (dimensionless), and dmu/ds in 1/pc.

    Notes
    -----
    Keeps mu² + M |B| = 1 and the volume of phase space exactly. Against the full orbit, in units
    of the scale of the field: of second order in r_L over that scale across the field, of first
    order along it, where mu of the particle at the start stands for that of the guiding centre,
    which differs with the phase. Source: Littlejohn, J. Plasma Phys. 29
    (1983) 111; Cary & Brizard, Rev. Mod. Phys. 81 (2009) 693, sec. III.
    """
    here = local_field(field, position)
    lever = (GYRORADIUS * as_float(rigidity)).astype(position.dtype)
    star = here.strength * here.unit + lever * cosine * here.curl
    along = dot(here.unit, star)
    drift = 0.5 * moment * lever * cross(here.unit, here.gradient)
    return (cosine * star + drift) / along, -0.5 * moment * dot(star, here.gradient) / along


def gradient_drift(
    field: Field,
    position: Vector,
    cosine: ScalarLike,
    rigidity: ScalarLike,
    *,
    speed: ScalarLike = 1.0,
) -> Vector:
    """Return the gradient drift v r_1 R (1 - mu²) / (2 B²) b × grad B.

    Parameters
    ----------
    field, position
        B in µG, at a position in pc.
    cosine
        Pitch-angle cosine mu.
    rigidity
        In PV with the sign of the charge: it turns the drift around.
    speed
        v over that of light; 1 for energies far above the rest energy.

    Returns
    -------
    The velocity over that of light, ``(3,)``.

    Raises
    ------
    ValueError
        When the cosine is known and not in [-1, 1], or the speed not in (0, 1].

    Notes
    -----
    r_1 R / B is the gyroradius of the unit system in use: r_1 = 1.08101 pc µG/PV here, 1/c in SI
    with R = p c / q in volts, 1 in Gaussian units with R = p c / q in statvolts. A textbook that
    prints R / c beside fields in gauss mixes the two and is wrong by a factor 1/c.
    First order in the gyroradius over the scale of the field; ``guiding_center_velocity`` joins
    all the drifts in magnetic fields and keeps phase-space volume. Source: Northrop, The Adiabatic
    Motion of Charged Particles (1963).
    """
    here = local_field(field, position)
    lever = _lever("gradient_drift", rigidity, speed, here.strength)
    sine_square = 1 - _as_cosine("gradient_drift", cosine).astype(lever.dtype) ** 2
    return lever * sine_square / (2 * here.strength) * cross(here.unit, here.gradient)


def curvature_drift(
    field: Field,
    position: Vector,
    cosine: ScalarLike,
    rigidity: ScalarLike,
    *,
    speed: ScalarLike = 1.0,
) -> Vector:
    """Return the curvature drift v r_1 R mu² / B b × kappa, with kappa = (b · grad) b.

    Parameters, units, errors and source are those of ``gradient_drift``.
    """
    here = local_field(field, position)
    lever = _lever("curvature_drift", rigidity, speed, here.strength)
    cosine = _as_cosine("curvature_drift", cosine).astype(lever.dtype)
    # b × kappa = curl b - b (b · curl b), since kappa = curl b × b
    across = here.curl - dot(here.unit, here.curl) * here.unit
    return lever * cosine**2 * across


def electric_drift(electric: Field, field: Field, position: Vector) -> Vector:
    """Return the drift E × B / B², the same for every particle.

    Parameters
    ----------
    electric
        E over the speed of light in µG, as the orbits take it (1 µG is 0.03 V/m).
    field, position
        B in µG, at a position in pc.

    Returns
    -------
    The velocity over that of light, ``(3,)``; only the part of E across B counts.

    Notes
    -----
    Exact for any |E| < |B| in uniform fields. For E = -u × B it is the part of the flow u across B.
    """
    strength = field(position)
    square = jnp.maximum(dot(strength, strength), jnp.finfo(strength.dtype).tiny)
    return cross(electric(position).astype(strength.dtype), strength) / square


def isotropic_drift(
    field: Field, position: Vector, rigidity: ScalarLike, *, speed: ScalarLike = 1.0
) -> Vector:
    """Return the drift of an isotropic distribution, (v r_1 R / 3) curl(B / B²).

    The mean over pitch angles of all drifts, with the parallel one, mu² v r_L b (b · curl b),
    that comes from the weight b · B*/B of a guiding centre in phase space: hence the curl, which
    has no divergence.

    Parameters
    ----------
    field, position, rigidity, speed
        As for ``gradient_drift``.

    Returns
    -------
    The velocity over that of light, ``(3,)``.

    Notes
    -----
    The drift in the transport equation where scattering is too rare to disturb gyration; otherwise
    see ``antisymmetric_coefficient``. Source: Isenberg & Jokipii, ApJ 234 (1979) 746.
    """
    here = local_field(field, position)
    lever = _lever("isotropic_drift", rigidity, speed, here.strength)
    return lever / 3 * (here.curl + cross(here.unit, here.gradient) / here.strength)


def _lever(name: str, rigidity: ScalarLike, speed: ScalarLike, strength: Scalar) -> Scalar:
    """Return v r_L, the gyroradius signed as the charge."""
    rigidity = as_float(rigidity).astype(strength.dtype)
    return as_speed(name, speed, strength.dtype) * gyroradius(rigidity, strength)


def _as_cosine(name: str, cosine: ScalarLike) -> Scalar:
    """Return the cosine as an array; raise unless it is one."""
    cosine = as_float(cosine)
    check_range(
        f"{name}: cosine", cosine, -1, 1, remedy="It is n · B / |B| of the direction of motion n."
    )
    return cosine
