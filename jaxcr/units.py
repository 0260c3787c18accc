"""Working units (pc, µG, PV, path length for time) and the one conversion between them.

Multiply on the way in, divide on the way out: ``30 * units.PV``, ``x / units.kpc``.
"""

from jaxtyping import Array, Float

from jaxcr.annotations import checked

pc = 1.0
kpc = 1e3
Mpc = 1e6
au = 4.84813681109536e-6  # IAU 2012: 1 pc = 648000/pi au
year = 0.30660139378555057  # path of light in one Julian year, pc

muG = 1.0  # noqa: N816
nG = 1e-3  # noqa: N816
gauss = 1e6
tesla = 1e10

km_per_s = 1 / 299792.458  # of the speed of light

PV = 1.0
TV = 1e-3
GV = 1e-6

GYRORADIUS = 1.0810076114204197
"""Gyroradius in pc of a rigidity of 1 PV in 1 µG: 1 PV / (c × 1 µG), CODATA c and IAU pc."""


@checked
def gyroradius(
    rigidity: Float[Array, "..."] | float | int, strength: Float[Array, "..."] | float | int
) -> Float[Array, "..."] | float:
    """Return the gyroradius r_L = p c / (q c B) of a particle moving across the field.

    Parameters
    ----------
    rigidity
        Momentum over charge, p c / q, in PV.
    strength
        |B| in µG.

    Returns
    -------
    The gyroradius in pc, with the sign of the rigidity.

    Notes
    -----
    Source: r_L = R / (c B) in SI.
    """
    return GYRORADIUS * rigidity / strength
