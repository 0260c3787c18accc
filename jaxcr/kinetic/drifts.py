"""Drifts of guiding centres, one by one and all together."""

from jaxcr.arrays import Scalar, ScalarLike, Vector, as_float
from jaxcr.fields import Field
from jaxcr.fields.local_field import local_field
from jaxcr.units import GYRORADIUS
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
