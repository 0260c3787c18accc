"""The ways to take a map to its real harmonic modes: a matrix, a table, or jaxht."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from jaxcr.checks import check_range, check_size
from jaxcr.sky.harmonics.legendre_table import LARGEST_TABLE_NSIDE, analyse_table
from jaxcr.sky.harmonics.modes import check_iterations
from jaxcr.sky.harmonics.transforms import Modes, analyse_dense, analyse_jaxht, matrix_bytes

_LARGEST_MATRIX = 2.0**31  # bytes in float64; nside 32, lmax 95 has 0.9 GB


class HarmonicTransform(eqx.Module):
    """A quadrature of maps against the spherical harmonics, refined a number of times.

    Attributes
    ----------
    iterations
        Refinements a += A (map - S a) of the plain sum A over the pixels, ``iter`` of healpy.
        Of a map with white power up to lmax 2 nside = 32, 3 recovers each mode to 1e-4, 0 to
        6e-2. A masked map has power at all l, and the plain sum, 0, is the usual choice.
    """

    iterations: eqx.AbstractVar[int]

    @abc.abstractmethod
    def analyse(self, maps: Float[Array, "*batch pixel"], nside: int, lmax: int) -> Modes:
        """Return the real modes (..., (lmax+1)²) of maps (..., pixel), mean included."""


class DenseTransform(HarmonicTransform):
    """One product with a matrix that is built once: fastest up to nside 8.

    Its size is 8 (lmax+1)² 12 nside² bytes in float64; above 2 GiB a ``ValueError`` says so.
    """

    iterations: int = eqx.field(default=3, static=True)

    def __check_init__(self):
        check_iterations(self.iterations, "DenseTransform: iterations")

    def analyse(self, maps: Float[Array, "*batch pixel"], nside: int, lmax: int) -> Modes:
        """Return the real modes (..., (lmax+1)²) of maps (..., pixel), mean included."""
        name = f"DenseTransform: the matrix of nside {nside}, lmax {lmax}"
        remedy = "Use LegendreTransform, or lower lmax."
        check_size(name, float(matrix_bytes(nside, lmax)), _LARGEST_MATRIX, remedy=remedy)
        return analyse_dense(maps, nside, lmax, self.iterations)


class LegendreTransform(HarmonicTransform):
    """FFTs on the rings and a table of Legendre functions, built once: up to nside 128.

    At lmax 3 nside - 1 the table takes 26 MB at nside 64 and 152 MB at 128 in float64, half in
    float32; the last four are kept. Inside your own ``jax.jit`` it is a constant of the program.
    """

    iterations: int = eqx.field(default=3, static=True)

    def __check_init__(self):
        check_iterations(self.iterations, "LegendreTransform: iterations")

    def analyse(self, maps: Float[Array, "*batch pixel"], nside: int, lmax: int) -> Modes:
        """Return the real modes (..., (lmax+1)²) of maps (..., pixel), mean included."""
        name, remedy = "LegendreTransform: nside", "Use JaxhtTransform, or degrade_map."
        check_range(name, nside, 1, LARGEST_TABLE_NSIDE, remedy=remedy)
        return analyse_table(maps, nside, lmax, self.iterations)


class JaxhtTransform(HarmonicTransform):
    """Ring by ring with jaxht: O(nside lmax²) work and no table, for nside above 128."""

    iterations: int = eqx.field(default=3, static=True)

    def __check_init__(self):
        check_iterations(self.iterations, "JaxhtTransform: iterations")

    def analyse(self, maps: Float[Array, "*batch pixel"], nside: int, lmax: int) -> Modes:
        """Return the real modes (..., (lmax+1)²) of maps (..., pixel), mean included."""
        return analyse_jaxht(maps, nside, lmax, self.iterations)
