"""Transfer tensors in few bytes: the combinations of pairs that a family of boundaries reaches."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from jaxcr.infer.emulator.compression import smallest_rank
from jaxcr.infer.skies import pair_products

TOLERANCE = 0.1
"""Largest rms error of a C_l over the skies, over mean and noise, at worst boundary and node."""

_LEVELS = 127


def pack_tensors(
    tensors: Float[np.ndarray, "node sky ell pair"],
    noise: Float[np.ndarray, " node"],
    family: Float[np.ndarray, "boundary l"],
) -> dict[str, np.ndarray]:
    """Return named arrays of bytes and their scales.

    Parameters
    ----------
    noise
        Level of C_l, that of half a map, for boundaries whose dipole is that of ``family``.
    family
        Series of many boundaries: for them, and what lies between them, single C_l are kept to
        about 12 % (rms) and means to 4 % of mean and noise, far less than skies scatter.

    Notes
    -----
    For each multipole, the skies at all nodes under all boundaries, over mean and noise, are cut
    to their first singular vectors; amplitudes are rounded to 1/127 of the largest of a node.
    """
    products = pair_products(family).T
    # Least squares: back from boundaries to the pairs, exact in the span of the family.
    inverse = np.linalg.pinv(products, rcond=1e-10)
    arrays = {}
    for ell in range(tensors.shape[2]):
        c_ell = tensors[:, :, ell].astype(np.float64) @ products
        amplitudes, vectors = _cut(c_ell, noise[:, None])
        scale = np.abs(amplitudes).max(axis=1, keepdims=True)
        scale = np.where(scale > 0, scale, 1) / _LEVELS
        arrays[f"amplitudes_{ell}"] = np.round(amplitudes / scale).astype(np.int8)
        arrays[f"scale_{ell}"] = scale.astype(np.float32)
        arrays[f"vectors_{ell}"] = (vectors @ inverse).astype(np.float32)
    return arrays


def unpack_tensors(arrays: Mapping[str, np.ndarray]) -> Float[np.ndarray, "node sky ell pair"]:
    """Return the tensors that `pack_tensors` packed, float32."""
    num = sum(name.startswith("scale_") for name in arrays)
    return np.stack(
        [
            (arrays[f"amplitudes_{ell}"] * arrays[f"scale_{ell}"]) @ arrays[f"vectors_{ell}"]
            for ell in range(num)
        ],
        axis=2,
    )


def _cut(c_ell: Float[np.ndarray, "node sky boundary"], noise: Float[np.ndarray, "node 1"]):
    """Return amplitudes ``(node, sky, component)`` and vectors ``(component, boundary)``."""
    level = np.sqrt(np.mean(c_ell**2, axis=1)) + noise
    # One weight for each boundary keeps the decomposition linear: its faintest node decides.
    weight = 1 / level.min(axis=0)
    rows = (c_ell * weight).reshape(-1, c_ell.shape[-1])
    left, values, right = np.linalg.svd(rows, full_matrices=False)

    def good(rank: int) -> bool:
        rest = ((left[:, rank:] * values[rank:]) @ right[rank:]).reshape(c_ell.shape) / weight
        return bool(np.max(np.sqrt(np.mean(rest**2, axis=1)) / level) < TOLERANCE)

    rank = smallest_rank(good, len(values))
    amplitudes = (left[:, :rank] * values[:rank]).reshape(*c_ell.shape[:2], rank)
    return amplitudes, right[:rank] / weight
