import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import (
    INSIDE,
    LEFT,
    LOST,
    RIGHT,
    AbsorbingEnd,
    Chain,
    ReflectingEnd,
    escape_time,
    evolve,
    exit_probability,
    steady_state,
    walk,
)

NUM = 16384


def chain_of(g=1.3, r=1.0, num_sites=8, loss=None):
    right, left = jnp.full(num_sites, g), jnp.full(num_sites, r)
    losses = None if loss is None else jnp.full(num_sites, loss)
    ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
    return Chain(right, left, **ends, loss_rate=losses)


def z_scores(value, error, expected):
    return np.asarray((value - expected) / error)


@pytest.mark.parametrize("step", [None, 0.02])
def test_walkers_agree_with_the_closed_forms(key, step):
    chain, site = chain_of(loss=0.05), 5
    walks = walk(chain, jnp.full(NUM, site), key=key, step=step)
    unit = jnp.zeros(8).at[site].set(1.0)
    # the occupation for a unit source is the mean time at each site
    z = z_scores(walks.residence.value, walks.residence.error, steady_state(chain, unit))
    assert np.abs(z).max() < 3.5  # 8 sites
    time = walks.time
    error = jnp.std(time) / np.sqrt(NUM)
    assert abs(jnp.mean(time) - escape_time(chain)[site]) < 3 * error
    exits = exit_probability(chain)
    for end, p in ((LEFT, exits.left), (RIGHT, exits.right), (LOST, exits.lost)):
        share = np.mean(np.asarray(walks.end == end))
        assert abs(share - p[site]) < 3 * np.sqrt(p[site] * (1 - p[site]) / NUM)
    assert jnp.all(walks.num_hops > 0)


def test_a_wrong_rate_is_detected(key):
    walks = walk(chain_of(g=1.3), jnp.full(NUM, 5), key=key)
    unit = jnp.zeros(8).at[5].set(1.0)
    wrong = steady_state(chain_of(g=1.37), unit)  # 5 %
    assert np.abs(z_scores(walks.residence.value, walks.residence.error, wrong)).max() > 5


def test_walkers_spread_as_the_chain_evolves(key):
    chain, duration = chain_of(), 1.5
    walks = walk(chain, jnp.full(NUM, 3), key=key, duration=duration)
    inside = walks.end == INSIDE
    np.testing.assert_allclose(walks.time[inside], duration)
    share = np.bincount(np.asarray(walks.site[inside]), minlength=8) / NUM
    expected = evolve(chain, jnp.zeros(8).at[3].set(1.0), jnp.array([duration]))[0]
    error = np.sqrt(expected * (1 - expected) / NUM)
    assert np.abs((share - expected) / error).max() < 3.5


def test_a_walk_of_whole_steps_makes_all_of_them(key):
    rate = jnp.full(4, 1.0)
    closed = Chain(rate, rate, left_end=ReflectingEnd(), right_end=ReflectingEnd())
    walks = walk(closed, jnp.ones(1600, int), key=key, step=0.5, duration=0.5)
    assert jnp.all(walks.num_hops == 1)  # one trial, and a total rate of one over the step


@pytest.mark.slow
def test_a_walk_depends_on_its_number_only(key):
    chain, start = chain_of(), jnp.arange(64) % 8
    together = walk(chain, start, key=key)
    alone = walk(chain, start[:16], key=key)
    np.testing.assert_array_equal(together.time[:16], alone.time)
    np.testing.assert_array_equal(together.site[:16], alone.site)


def test_hops_are_limited(key):
    rate = jnp.ones(4)
    closed = Chain(rate, rate, left_end=ReflectingEnd(), right_end=ReflectingEnd())
    walks = walk(closed, jnp.zeros(16, int), key=key, duration=1e9, max_hops=50)
    assert jnp.all(walks.num_hops == 50)
    with pytest.raises(ValueError, match="walk: chain: expected a way out"):
        walk(closed, jnp.zeros(16, int), key=key)


@pytest.mark.parametrize(
    ("start", "options", "message"),
    [
        (jnp.zeros(10, int), {}, "start: expected a multiple of 16 walkers"),
        (jnp.full(16, 8), {}, "start: expected a number in \\[0, 7\\]"),
        (jnp.zeros(16, int), {"step": 1.0}, r"step: expected a time in \(0, 0.434783\]"),
        (jnp.zeros(16, int), {"duration": 0.0}, "duration: expected a positive number"),
    ],
)
def test_bad_walks_are_rejected(key, start, options, message):
    with pytest.raises(ValueError, match=f"walk: {message}"):
        walk(chain_of(), start, key=key, **options)


def test_walks_compile(key):
    chain = chain_of()
    times = jax.jit(lambda k: walk(chain, jnp.zeros(16, int), key=k).time)(key)
    np.testing.assert_array_equal(times, walk(chain, jnp.zeros(16, int), key=key).time)
