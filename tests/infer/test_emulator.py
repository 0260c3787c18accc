"""The table over dB/B0: splines of known functions, packing, errors."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from jaxcr import infer
from jaxcr.infer.emulator import pack_pairs, table_arrays, table_from_file


def test_packed_pairs_contract_like_the_full_tensor(rng):
    tensor = rng.standard_normal((3, 5, 5))
    tensor = jnp.asarray(tensor + tensor.swapaxes(1, 2))
    f = jnp.asarray(rng.standard_normal(5))
    first, second = np.triu_indices(5)
    packed = pack_pairs(tensor) @ (f[first] * f[second])
    np.testing.assert_allclose(packed, jnp.einsum("Lab,a,b->L", tensor, f, f), rtol=1e-13)


def test_spline_is_scipys_and_meets_the_nodes(table):
    nodes = np.log(np.asarray(table.nodes))
    values = np.sin(3 * nodes)
    for x in (nodes[0], nodes[2], -0.77, 0.1, nodes[-1]):
        expected = CubicSpline(nodes, values)(x)
        # the same polynomial pieces: round-off
        np.testing.assert_allclose(table.spline(jnp.asarray(x)) @ values, expected, rtol=1e-11)


def test_line_is_numpys_interpolation(table):
    nodes = np.log(np.asarray(table.nodes))
    for x in (-1.0, -0.3, 0.2):
        expected = np.interp(x, nodes, nodes**2)
        np.testing.assert_allclose(table.line(jnp.asarray(x)) @ nodes**2, expected, rtol=1e-12)


def test_spline_predicts_a_level_between_the_nodes(skies, table):
    dipole = jnp.zeros(skies.boundary_lmax + 1).at[1].set(1.0)
    mean = table.spline(jnp.log(0.75)) @ jnp.mean(table.spectra(dipole), axis=1)
    direct = np.mean(
        [infer.simulated_spectra(skies, 0.75, number) for number in range(6)], axis=(0, 1)
    )
    # same phases, so the only difference is the spline's: a few percent on five wide nodes
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
