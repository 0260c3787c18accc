"""Dipole and quadrupole of one sky map by least squares."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, Vector
from jaxcr.sky.healpix.grid import without_unseen
from jaxcr.sky.maps.dipole import Dipole, dipole_design, safe_root
from jaxcr.sky.maps.least_squares import Design, Error, Fit, Mask, SkyMap, fit_functions

# Tensors of the components xx, yy, xy, xz, yz; zz is minus the sum of the first two.
_BASIS = np.zeros((5, 3, 3))
_BASIS[0] = np.diag([1.0, 0.0, -1.0])
_BASIS[1] = np.diag([0.0, 1.0, -1.0])
for _number, _row, _column in ((2, 0, 1), (3, 0, 2), (4, 1, 2)):
    _BASIS[_number, _row, _column] = _BASIS[_number, _column, _row] = 1.0


class Quadrupole(eqx.Module):
    """The fit monopole + vector . p + p . Q p to a map, in units of the map.

    Attributes
    ----------
    monopole, vector
        Mean and dipole, fitted together with the quadrupole.
    components
        Q_xx, Q_yy, Q_xy, Q_xz, Q_yz of the symmetric traceless tensor Q, (5,).
    covariance
        Of (monopole, x, y, z, the five components), (9, 9).
    """

    monopole: Scalar
    vector: Vector
    components: Float[Array, "5"]
    covariance: Float[Array, "9 9"]

    @property
    def dipole(self) -> Dipole:
        """The dipole of this fit, with its covariance."""
        return Dipole(self.monopole, self.vector, self.covariance[:4, :4])

    @property
    def tensor(self) -> Float[Array, "3 3"]:
        """Q, symmetric and traceless."""
        return jnp.tensordot(self.components, _BASIS.astype(self.components.dtype), axes=1)

    @property
    @jax.jit
    def amplitude(self) -> Scalar:
        """sqrt(2/3 tr Q²), which is A for A P_2(cos); the power is C_2 = 4 pi A² / 25."""
        return safe_root(2 / 3 * jnp.sum(self.tensor**2))

    @property
    @jax.jit
    def amplitude_error(self) -> Scalar:
        """Standard error of the amplitude, to first order in error / amplitude."""
        basis = _BASIS.astype(self.components.dtype)
        slope = jnp.tensordot(basis, self.tensor, axes=2) * (2 / 3)
        slope = slope / jnp.where(self.amplitude == 0, 1, self.amplitude)
        return safe_root(slope @ self.covariance[4:, 4:] @ slope)

    @property
    @jax.jit
    def axis(self) -> Vector:
        """Unit vector, up to its sign, along which p . Q p is largest in modulus."""
        return self._principal()[1][:, 0]

    @property
    @jax.jit
    def axis_error(self) -> Scalar:
        """Standard error of the axis along one direction, rad: rms over the two directions.

        To first order: a change dQ turns axis n towards axis k by k . dQ n / (q_n - q_k).
        """
        values, vectors = self._principal()
        basis = _BASIS.astype(self.components.dtype)
        across = jnp.einsum("ik,cij,j->kc", vectors[:, 1:], basis, vectors[:, 0])
        turn = across / (values[0] - values[1:])[:, None]
        return safe_root(jnp.trace(turn @ self.covariance[4:, 4:] @ turn.T) / 2)

    def _principal(self) -> tuple[Float[Array, "3"], Float[Array, "3 3"]]:
        """Return eigenvalues and eigenvectors, the largest modulus first."""
        values, vectors = jnp.linalg.eigh(self.tensor)
        order = jnp.argsort(-jnp.abs(values))
        return values[order], vectors[:, order]


def fit_quadrupole(
    map: SkyMap, *, mask: Mask | None = None, error: Error | None = None
) -> Quadrupole:
    """Fit monopole, dipole and quadrupole to a map by least squares over the pixels.

    monopole + vector . p + sum_ij Q_ij p_i p_j with Q symmetric and traceless, nine numbers.

    Parameters
    ----------
    map, mask, error
        As in `fit_dipole`.

    Returns
    -------
    The `Quadrupole`, in units of the map.

    Raises
    ------
    ValueError
        As `fit_dipole`, with 9 pixels in place of 4.

    Notes
    -----
    Linear in the map. On a cut sky dipole and quadrupole are correlated, and power at l > 2
    leaks into both: the covariance tells the first, not the second.
    """
    map = without_unseen(map)
    return _named(fit_functions(map, quadrupole_design(map), mask, error))


@jax.jit
def _named(fit: Fit) -> Quadrupole:
    return Quadrupole(fit.solution[0], fit.solution[1:4], fit.solution[4:], fit.covariance)


def quadrupole_design(map: Float[Array, " pixel"]) -> Design:
    """Return the nine functions fitted: 1, p, and p . B p for the five basis tensors."""
    low = dipole_design(map)
    p = low[:, 1:]
    return np.concatenate([low, np.einsum("pi,cij,pj->pc", p, _BASIS, p)], axis=1).astype(map.dtype)
