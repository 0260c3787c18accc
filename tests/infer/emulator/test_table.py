"""The table over dB/B0: curves through known functions, packing, errors."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.infer.emulator.table import pack_pairs, table_arrays, table_from_file


def test_packed_pairs_contract_like_the_full_tensor(rng):
    tensor = rng.standard_normal((3, 5, 5))
    tensor = jnp.asarray(tensor + tensor.swapaxes(1, 2))
    f = jnp.asarray(rng.standard_normal(5))
    first, second = np.triu_indices(5)
    packed = pack_pairs(tensor) @ (f[first] * f[second])
    np.testing.assert_allclose(packed, jnp.einsum("Lab,a,b->L", tensor, f, f), rtol=1e-13)


def test_curve_is_numpys_least_squares_of_fourth_degree(skies, rng):
    levels = np.array([0.25, 0.33, 0.43, 0.57, 0.75, 0.98, 1.29, 1.7])
    table = infer.TransferTable(levels, rng.random((8, 2, 3, 6)), np.ones(8), 1)
    nodes, values = np.log(levels), rng.standard_normal(8)
    for x in (nodes[0], nodes[2], -0.77, 0.1, nodes[-1]):
        expected = np.polyval(np.polyfit(nodes, values, 4), x)
        # the same projection from another basis: round-off times a condition number of 1e2
        np.testing.assert_allclose(table.curve(jnp.asarray(x)) @ values, expected, rtol=1e-11)


def test_curve_meets_five_nodes(table):
    nodes = np.log(np.asarray(table.nodes))
    weights = np.stack([table.curve(jnp.asarray(x)) for x in nodes])
    np.testing.assert_allclose(weights, np.eye(5), atol=1e-12)


def test_line_is_numpys_interpolation(table):
    nodes = np.log(np.asarray(table.nodes))
    for x in (-1.0, -0.3, 0.2):
        expected = np.interp(x, nodes, nodes**2)
        np.testing.assert_allclose(table.line(jnp.asarray(x)) @ nodes**2, expected, rtol=1e-12)


def test_curve_predicts_a_level_between_the_nodes(skies, table):
    dipole = jnp.zeros(skies.boundary_lmax + 1).at[1].set(1.0)
    mean = table.curve(jnp.log(0.75)) @ jnp.mean(table.spectra(dipole), axis=1)
    direct = np.mean(
        [infer.simulated_spectra(skies, 0.75, number) for number in range(6)], axis=(0, 1)
    )
    # same phases, so the only difference is the curve's: a few percent on five wide nodes
    np.testing.assert_allclose(mean[1:5], direct[1:5], rtol=0.1)


def test_table_survives_storage(table):
    again = table_from_file(table_arrays(table))
    np.testing.assert_array_equal(again.tensors, table.tensors)
    assert again.num_observers == table.num_observers
    assert again.independent_skies == pytest.approx(table.independent_skies)


def test_independent_skies_are_at_most_all_of_them(table):
    assert 1 <= table.independent_skies <= table.num_skies == 48


@pytest.mark.parametrize("nodes", [(0.3, 0.6, 0.9), (0.3, 0.9, 0.6, 1.2), (0.0, 0.3, 0.6, 0.9)])
def test_bad_nodes(skies, nodes):
    with pytest.raises(ValueError, match="at least four positive values of dB/B0 in rising order"):
        infer.build_transfer_table(skies, num_fields=1, nodes=nodes)
