import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import Trap, trap_from_ratio

EXACT = 1e-14  # a handful of roundings


def test_ratio_and_gradient_of_a_worked_trap():
    trap = Trap(minimum=2.0, left_mirror=8.0, right_mirror=6.0)
    np.testing.assert_allclose(trap.mirror_ratio, np.sqrt(12.0), rtol=EXACT)
    np.testing.assert_allclose(trap.gradient, np.log(4 / 3), rtol=EXACT)
    np.testing.assert_allclose(trap.left_cosine, np.sqrt(3 / 4), rtol=EXACT)
    np.testing.assert_allclose(trap.right_cosine, np.sqrt(2 / 3), rtol=EXACT)


@pytest.mark.parametrize("gradient", [-1.2, 0.0, 0.3])
def test_ratio_and_gradient_come_back(gradient):
    trap = trap_from_ratio(3.0, gradient, minimum=5.0)
    np.testing.assert_allclose(trap.mirror_ratio, 3.0, rtol=EXACT)
    np.testing.assert_allclose(trap.gradient, gradient, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(trap.minimum, 5.0)


def test_swapping_the_mirrors_turns_the_gradient_around():
    trap, mirrored = Trap(1.0, 4.0, 3.0), Trap(1.0, 3.0, 4.0)
    np.testing.assert_allclose(trap.gradient, -mirrored.gradient, rtol=EXACT)
    assert trap.left_cosine == mirrored.right_cosine


def test_cosine_of_a_shallow_trap_keeps_its_digits():
    depth = 2.0**-40
    # sqrt(d / (1 + d)) with d exact in binary: no digit may be lost to 1 - B0/B
    expected = np.sqrt(depth / (1 + depth))
    np.testing.assert_allclose(Trap(1.0, 1 + depth, 2.0).left_cosine, expected, rtol=EXACT)


def test_traps_vmap():
    ratio = jnp.array([2.0, 3.0])
    traps = jax.vmap(trap_from_ratio, in_axes=(0, None))(ratio, 0.1)
    np.testing.assert_allclose(jax.vmap(lambda t: t.mirror_ratio)(traps), ratio, rtol=EXACT)


def test_gradient_of_the_cosine():
    # d sqrt(1 - 1/B) / dB = 1 / (2 B² mu)
    slope = jax.grad(lambda b: Trap(1.0, b, 2.0).left_cosine)(4.0)
    np.testing.assert_allclose(slope, 1 / (32 * np.sqrt(0.75)), rtol=EXACT)


@pytest.mark.parametrize("mirrors", [(1.0, 3.0), (3.0, 0.5), (float("nan"), 3.0)])
def test_a_mirror_not_above_the_minimum_is_rejected(mirrors):
    with pytest.raises(ValueError, match=r"Trap: .*expected 0 < minimum < left_mirror"):
        Trap(1.0, *mirrors)


def test_known_numbers_are_checked_inside_jit_too():
    with pytest.raises(ValueError, match="expected 0 < minimum"):
        jax.jit(lambda x: x * Trap(1.0, 0.5, 3.0).left_cosine)(1.0)


def test_a_ratio_below_its_gradient_is_rejected():
    with pytest.raises(ValueError, match=r"mirror_ratio, gradient: expected .* > 1, got 0\.817"):
        trap_from_ratio(1.05, -0.5)


def test_float32_stays_float32():
    trap = trap_from_ratio(jnp.float32(3.0), 0.1)
    assert {leaf.dtype for leaf in jax.tree.leaves(trap)} == {jnp.dtype("float32")}
    assert Trap(1.0, jnp.float32(4.0), 3.0).mirror_ratio.dtype == jnp.float32


def test_integers_become_floats():
    assert Trap(1, 4, 3).minimum.dtype == jnp.float64
