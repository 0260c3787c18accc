from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

from jaxcr.traps import (
    AbsorbingEnd,
    Chain,
    ReflectingEnd,
    Spectrum,
    TrapGraph,
    banded_chain,
    escape_time,
    evolve,
    exit_probability,
    generator_matrix,
    green_function,
    lattice_of_traps,
    relaxation_rates,
    steady_state,
)

OPEN, CLOSED = AbsorbingEnd(), ReflectingEnd()


def sparse_generator(graph):
    """Q by SciPy, from the definition."""
    origin, target, rate = (np.asarray(x) for x in (graph.origin, graph.target, graph.rate))
    num = graph.num_sites
    gains = scipy.sparse.coo_array((rate, (target, origin)), shape=(num, num)).tocsc()
    leaving = np.asarray(gains.sum(axis=0)) + np.asarray(graph.exit_rates).sum(axis=0)
    return gains - scipy.sparse.diags_array(leaving, format="csc")


def any_lattice(rng, shape=(20, 20)):
    """Rates over four decades on a lattice, with ways out everywhere."""
    lattice = lattice_of_traps(shape, jnp.ones(2), jnp.ones(2), end=OPEN)
    rate = 10.0 ** rng.uniform(-2, 2, lattice.rate.shape)
    leaving = 10.0 ** rng.uniform(-4, -2, (2, lattice.num_sites))
    return TrapGraph(lattice.origin, lattice.target, jnp.asarray(rate), exit_rates=leaving)


@pytest.mark.parametrize(
    ("ends", "everything"),
    [((CLOSED, OPEN), False), pytest.param((OPEN, OPEN), True, marks=pytest.mark.slow)],
)
def test_hops_to_neighbours_alone_are_a_chain(rng, ends, everything):
    right, left, loss, source = jnp.asarray(10.0 ** rng.uniform(-2, 2, (4, 12)))
    ends = {"left_end": ends[0], "right_end": ends[1], "loss_rate": loss}
    chain, band = Chain(right, left, **ends), banded_chain(right[:, None], left[:, None], **ends)
    assert band.bandwidth == 1
    exits = exit_probability(chain)
    pairs = [
        (steady_state(band, source), steady_state(chain, source)),
        (escape_time(band), escape_time(chain)),
        (exit_probability(band), jnp.stack([exits.left, exits.right, exits.lost])),
    ]
    if everything:
        functions = (green_function, generator_matrix, relaxation_rates)
        pairs += [(function(band), function(chain)) for function in functions]
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_lattice_against_a_sparse_solver(rng):
    graph = any_lattice(rng)
    source = rng.uniform(0, 1, 400)
    matrix = -sparse_generator(graph)
    density = steady_state(graph, jnp.asarray(source))
    np.testing.assert_allclose(density, scipy.sparse.linalg.spsolve(matrix, source), rtol=1e-12)
    # what comes in goes out, every entry positive
    leaving = np.asarray(graph.exit_rates) @ np.asarray(density)
    np.testing.assert_allclose(leaving.sum(), source.sum(), rtol=1e-13)
    time = scipy.sparse.linalg.spsolve(matrix.T.tocsc(), np.ones(400))
    np.testing.assert_allclose(escape_time(graph), time, rtol=1e-12)
    shares = exit_probability(graph)
    np.testing.assert_allclose(jnp.sum(shares, axis=0), 1.0, rtol=1e-13)
    # Little's law: particles over inflow is the mean time of stay
    np.testing.assert_allclose(
        source @ np.asarray(escape_time(graph)), jnp.sum(density), rtol=1e-12
    )


def test_a_graph_without_order_and_its_exact_fractions():
    # a ring of four sites crossed by an edge, way out at one: by Kirchhoff's trees, by hand:
    # 0 -> 1 (2), 1 -> 2 (1), 2 -> 0 (3), 1 -> 3 (1), 3 -> 2 (5), out of 2 (1); fed at 0
    graph = TrapGraph([0, 1, 2, 1, 3], [1, 2, 0, 3, 2], [2.0, 1, 3, 1, 5],
                      exit_rates=[0.0, 0, 1, 0])  # fmt: skip
    density = steady_state(graph, jnp.eye(4)[0])
    # n_2 = 1, n_0 = (1 + 3)/2, n_1 = 2 n_0/2, n_3 = n_1/5
    np.testing.assert_allclose(density, [2, 2, 1, 0.4], rtol=1e-15)
    # the sites in another order
    order = np.array([2, 0, 3, 1])
    again = TrapGraph(order[[0, 1, 2, 1, 3]], order[[1, 2, 0, 3, 2]], graph.rate,
                      exit_rates=jnp.zeros(4).at[order[2]].set(1.0))  # fmt: skip
    other = steady_state(again, jnp.zeros(4).at[order[0]].set(1.0))
    np.testing.assert_allclose(other[order], density, rtol=1e-15)


def test_small_probabilities_keep_their_accuracy():
    # against a drift of 1e12 a step over 1 and 2 sites: a solver that subtracts has no digit left
    right, left = jnp.array([1e-12, 1e-13]), jnp.array([1.0, 0.5])
    band = banded_chain(right, left, 12, left_end=CLOSED, right_end=OPEN)
    # exact elimination in fractions
    matrix = [[Fraction(0)] * 12 for _ in range(12)]
    for i, j, w in zip(band.origin, band.target, band.rate, strict=True):
        matrix[int(i)][int(j)] -= Fraction(float(w))
        matrix[int(i)][int(i)] += Fraction(float(w))
    for i in range(12):
        matrix[i][i] += sum(Fraction(float(w)) for w in band.exit_rates[:, i])
    rhs = [Fraction(1)] * 12
    for k in range(12):
        for i in range(k + 1, 12):
            factor = matrix[i][k] / matrix[k][k]
            matrix[i] = [a - factor * b for a, b in zip(matrix[i], matrix[k], strict=True)]
            rhs[i] -= factor * rhs[k]
    for k in reversed(range(12)):
        known = sum(matrix[k][j] * rhs[j] for j in range(k + 1, 12))
        rhs[k] = (rhs[k] - known) / matrix[k][k]
    times = escape_time(band)
    assert times[0] > 1e78
    np.testing.assert_allclose(times, [float(x) for x in rhs], rtol=1e-14)


def test_rates_of_a_lattice_are_sums_and_its_evolution_is_a_product():
    up, down, shape = np.array([1.3, 0.7]), np.array([0.9, 1.1]), (4, 3)
    lattice = lattice_of_traps(shape, up, down, end=OPEN)
    rates, spread = [], []
    for n, u, d in zip(shape, up, down, strict=True):
        rates.append(u + d - 2 * np.sqrt(u * d) * np.cos(np.arange(1, n + 1) * np.pi / (n + 1)))
        row = np.diag(np.full(n - 1, u), -1) + np.diag(np.full(n - 1, d), 1) - (u + d) * np.eye(n)
        spread.append(scipy.linalg.expm(0.4 * row)[:, 1])
    sums = np.sort(np.add.outer(*rates).ravel())
    np.testing.assert_allclose(relaxation_rates(lattice), sums, rtol=1e-12)
    start = jnp.zeros(shape).at[1, 1].set(1.0)
    out = evolve(lattice, start.ravel(), jnp.array([0.4])).reshape(shape)
    np.testing.assert_allclose(out, np.outer(*spread), rtol=1e-12)


def test_hops_beyond_the_ends():
    rates = jnp.array([1.0, 0.5, 0.25])
    band = banded_chain(rates, 2 * rates, 4, left_end=OPEN, right_end=CLOSED)
    np.testing.assert_allclose(band.exit_rates[0], [3.5, 1.5, 0.5, 0])
    np.testing.assert_array_equal(band.exit_rates[1:], 0)
    # a closed band keeps its particles
    closed = banded_chain(rates, 2 * rates, 12, left_end=CLOSED, right_end=CLOSED)
    out = evolve(closed, jnp.arange(12.0), jnp.array([0.7]))
    np.testing.assert_allclose(jnp.sum(out), 66.0, rtol=1e-12)
    assert abs(relaxation_rates(closed)[0]) == 0
    with pytest.raises(ValueError, match="steady_state: chain: expected a way out"):
        steady_state(closed, jnp.ones(12))


def test_sites_that_are_never_left_fill_up():
    graph = TrapGraph([0, 1, 2], [1, 2, 1], [1.0, 1, 1], exit_rates=[1.0, 0, 0])
    density = steady_state(graph, jnp.eye(3)[0])
    np.testing.assert_array_equal(density, [0.5, np.inf, np.inf])
    np.testing.assert_array_equal(escape_time(graph), np.inf)
    np.testing.assert_allclose(exit_probability(graph)[0], [0.5, 0, 0])


def test_derivatives_by_rates(rng):
    graph = any_lattice(rng, (4, 3))

    def outputs(log_rate):
        other = TrapGraph(graph.origin, graph.target, jnp.exp(log_rate),
                          exit_rates=graph.exit_rates)  # fmt: skip
        return jnp.log(steady_state(other, jnp.ones(12))[3] * escape_time(other)[7])

    outputs = jax.jit(outputs)
    point = jnp.log(graph.rate)
    slopes = jax.grad(outputs)(point)
    steps = 1e-4 * np.eye(point.size)
    difference = [(outputs(point + h) - outputs(point - h)) / 2e-4 for h in steps]
    np.testing.assert_allclose(slopes, difference, atol=1e-8)  # the error of the difference


@pytest.mark.slow
def test_ten_thousand_sites():
    # a uniform lattice fed at its middle, by its sines
    lattice = lattice_of_traps((100, 100), jnp.ones(2), jnp.ones(2), end=OPEN)
    time = np.asarray(escape_time(lattice)).reshape(100, 100)
    k = np.arange(1, 101)
    sine = np.sin(np.outer(k, k) * np.pi / 101)
    one = sine @ np.ones(100) * 2 / 101
    rate = 2 - 2 * np.cos(k * np.pi / 101)
    expected = sine @ (np.outer(one, one) / np.add.outer(rate, rate)) @ sine
    np.testing.assert_allclose(time, expected, rtol=1e-11)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TrapGraph([0], [3], [1.0], exit_rates=[1.0, 1]), r"target: expected a number in"),
        (lambda: TrapGraph([0], [0], [1.0], exit_rates=[1.0, 1]), "expected another site"),
        (lambda: TrapGraph([0], [1], [-1.0], exit_rates=[1.0, 1]), "rate: expected finite rates"),
        (lambda: TrapGraph([0], [1], [1.0], exit_rates=np.ones((1, 1, 2))), "shape .site,. or"),
        (lambda: banded_chain(jnp.ones(2), jnp.ones(2), left_end=OPEN, right_end=OPEN),
         "banded_chain: num_sites: expected a number"),
        (lambda: lattice_of_traps((3, 0), jnp.ones(2), jnp.ones(2), end=OPEN), "shape: expected"),
        (lambda: evolve(TrapGraph([0], [1], [1.0], exit_rates=[1.0, 1]), jnp.ones(2),
                        jnp.ones(1), method=Spectrum()), "Spectrum: chain: expected a Chain"),
    ],
)  # fmt: skip
def test_bad_graphs_are_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
