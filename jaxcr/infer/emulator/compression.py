"""The tensors in the few combinations of pairs that a family of boundaries can reach."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_finite, check_shape
from jaxcr.infer.skies import pair_products

_TOLERANCE = 1e-2
"""Largest rms error of a C_l over the skies, over its mean, at the worst boundary sampled."""

_SKIES_USED = 24
"""Of each node, for the metric and the choice of the components."""


class CompressedSkies(eqx.Module):
    """Skies as linear functions of a few numbers of the boundary.

    Attributes
    ----------
    tensors
        ``(node, sky, ell, component)``: C_l = tensors · ``components(series)``; of the default
        float type, so that a call converts nothing.
    projection
        From the products f_l f_l' to the components, ``(component, pair)``.
    """

    tensors: Float[Array, "node sky ell component"]
    projection: Float[Array, "component pair"]

    def components(self, series: Float[Array, " l"]) -> Float[Array, " component"]:
        """Return the numbers of a boundary; quadratic in its series."""
        return self.projection.astype(series.dtype) @ pair_products(series)

    def spectra(self, series: Float[Array, " l"]) -> Float[Array, "node sky ell"]:
        """Return C_l of every sky in sr."""
        components = self.components(series).astype(self.tensors.dtype)
        return self.tensors @ components


def compress(
    tensors: Float[Array | np.ndarray, "node sky ell pair"],
    family: Float[Array | np.ndarray, "boundary l"],
) -> CompressedSkies:
    """Reduce tensors to what a family of boundaries reaches, in the tensors' own metric.

    Parameters
    ----------
    family
        Series of many boundaries, denser than their shape changes.

    Notes
    -----
    With products P (pair, boundary) and the metric G = sum K K^T / mean(C)² of all skies and
    multipoles, the components are the first singular vectors of G^(1/2) P, as many as keep the
    error of single skies below 1 % at the worst node, multipole and boundary; the means over the
    skies are far better. Sharp cone edges that move with the mirror ratio need many of them.
    """
    family = np.asarray(family, np.float64)
    products = pair_products(check_finite("compress: family", family)).T
    tensors = np.asarray(check_finite("compress: tensors", tensors))
    check_shape("compress: last axis of tensors", tensors[0, 0, 0], products[:, 0].shape)
    rows = tensors[:, :: -(-tensors.shape[1] // _SKIES_USED)].astype(np.float64)
    scale = np.abs(rows.mean(1) @ products)  # mean C_l, (node, ell, boundary)
    scale = np.maximum(scale, 1e-6 * scale.max())
    weight = 1 / np.sqrt(rows.shape[0] * rows.shape[1]) / scale.min(-1)
    flat = (rows * weight[:, None, :, None]).reshape(-1, rows.shape[-1])
    root = _square_root(flat.T @ flat)
    left, values, right = np.linalg.svd(root @ products, full_matrices=False)

    def maps(rank: int) -> tuple[np.ndarray, np.ndarray]:
        # products @ right / values maps components back, exactly in the span that is kept
        return products @ (right[:rank].T / values[:rank]), left[:, :rank].T @ root

    def good(rank: int) -> bool:
        back, projection = maps(rank)
        left_out = back @ (projection @ products) - products
        return _largest_error(rows, left_out, scale) < _TOLERANCE

    back, projection = maps(smallest_rank(good, int(np.sum(values > 1e-10 * values[0]))))
    return CompressedSkies(
        jnp.asarray(tensors @ back.astype(tensors.dtype), float), jnp.asarray(projection)
    )


def smallest_rank(good: Callable[[int], bool], largest: int) -> int:
    """Return the smallest rank that is good, or the largest, by bisection."""
    low, high = 0, largest
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return high


def _largest_error(rows: np.ndarray, left_out: np.ndarray, scale: np.ndarray) -> float:
    """Return the largest rms error over skies, of a node, multipole and boundary, over its mean."""
    away = (rows.reshape(-1, rows.shape[-1]) @ left_out).reshape(*rows.shape[:-1], -1)
    errors = np.sqrt(np.mean(away**2, axis=1)) / scale
    return float(np.max(errors[:, 1:]))


def _square_root(metric: np.ndarray) -> np.ndarray:
    """Return the symmetric root of a positive matrix."""
    values, vectors = np.linalg.eigh(metric)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
