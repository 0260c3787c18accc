"""Rows of work shared out over the devices of a machine, and a field that stays on each."""

import weakref
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxcr.checks import is_concrete

_LARGE = 2**20
"""Bytes of an array from which a copy at every call is noticed."""

_copies: dict[tuple, jax.Array] = {}
"""Large arrays on all of several devices, by identity of the array and devices."""


def share_out(
    function: Callable[[Any, Any], Any],
    rows: Any,
    common: Any,
    devices: tuple[jax.Device, ...],
    *,
    axis: int = 0,
    multiple: int = 1,
) -> Any:
    """Return ``function(rows, common)``, each device doing its share of the rows.

    Parameters
    ----------
    function
        Returns arrays with the rows on ``axis``.
    rows, common
        Arrays with the rows first, and what every row needs.
    multiple
        Rows of a share are a multiple of this; the last row is made up with copies of the first.

    Notes
    -----
    One device goes the same way as several: another program would round differently.
    """
    num = jax.tree.leaves(rows)[0].shape[0]
    extra = -num % (len(devices) * multiple)
    rows = jax.tree.map(lambda x: jnp.concatenate([x, x[:1].repeat(extra, axis=0)]), rows)
    arrays, rest = eqx.partition(common, eqx.is_array)
    before = (None,) * axis
    shared = jax.shard_map(
        lambda rows, arrays: function(rows, eqx.combine(arrays, rest)),
        mesh=_mesh(devices),
        in_specs=(PartitionSpec("device"), PartitionSpec()),
        out_specs=PartitionSpec(*before, "device"),
        check_vma=False,
    )(rows, arrays)
    kept = (*(slice(None) for _ in before), slice(num))
    return jax.tree.map(lambda x: x[kept], shared)


def on_each(tree: Any, devices: tuple[jax.Device, ...]) -> Any:
    """Return a tree whose large arrays are on each of several devices, and stay there.

    A program that is given an array of one device copies it to the others at every call. The
    copies made here last as long as the array.
    """
    if len(devices) == 1:
        return tree
    return jax.tree.map(lambda x: _on_each(x, devices) if eqx.is_array(x) else x, tree)


def _on_each(array: jax.Array, devices: tuple[jax.Device, ...]) -> jax.Array:
    if not is_concrete(array) or array.nbytes < _LARGE or len(array.devices()) > 1:
        return array
    key = (id(array), devices)
    if key not in _copies:
        _copies[key] = jax.device_put(array, NamedSharding(_mesh(devices), PartitionSpec()))
        weakref.finalize(array, _copies.pop, key, None).atexit = False
    return _copies[key]


def _mesh(devices: tuple[jax.Device, ...]) -> Mesh:
    return Mesh(np.array(devices), ("device",))
