"""Derivatives of many steps in both modes: tangents forward, cotangents on the way back."""

from typing import Any

import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PyTree

from jaxcr.orbits.fixed_step import FixedStepPusher
from jaxcr.orbits.flight import Particles
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher

_WIDTH = 128
"""Orbits that are stepped together, of like numbers of steps."""

_CHECKPOINTS = 256
"""States of the way that are kept where steps can't be undone."""

Laws = tuple[Pusher, Lorentz]
"""A prepared pusher, and a motion: what all orbits have in common."""


class End(eqx.Module):
    """Where some steps led: position less the start, direction, path, and how many were tried."""

    offset: Float[Array, "row xyz=3"]
    direction: Float[Array, "row xyz=3"]
    path: Float[Array, " row"]
    num_steps: Int[Array, " row"]


@eqx.filter_custom_jvp
def attach(laws: Laws, start: Particles, end: End) -> tuple[Array, Array, Array]:
    """Return offset, direction and path of ``end``, with their derivatives by what led there.

    Notes
    -----
    Forward mode makes all steps once more. Reverse mode undoes equal steps from the end, the
    cotangent beside the state, and keeps no state of the way; see ``trace_ensemble`` for how far
    that goes. Steps that adapt are made once more from states on the way, as long as they were.
    """
    return end.offset, end.direction, end.path


@attach.def_jvp
def _attach_jvp(primals, tangents):
    laws, start, end = primals
    found = attach(*primals)
    end = End(*found, end.num_steps)  # moves with laws and starts in second derivatives
    moved = eqxi.filter_primitive_bind(_move, tangents[:2], laws, start, end)
    step = tangents[0][0].step_size if isinstance(laws[0], FixedStepPusher) else None
    dtype = end.path.dtype
    longer = None if step is None else end.num_steps.astype(dtype) * step.astype(dtype)
    return found, (*moved, longer)


def _make_steps(moved: tuple[PyTree, PyTree], laws: Laws, start: Particles, end: End):
    """Return how offsets and directions at the end move with laws and starts.

    ``moved`` has ``None`` for what stays.
    """
    moved_laws, moved_start = moved

    def block(row):
        moved_start, start, num_steps = row
        if not isinstance(laws[0], FixedStepPusher):
            steps = lambda *x: _redo(*x, num_steps)  # noqa: E731
            return eqx.filter_jvp(steps, (laws, start), (moved_laws, moved_start))[1]

        def body(made, carry):
            def step(laws, start, state):
                return _step(laws, start, state, made, _length(laws, start, made < num_steps))

            state, change = carry
            return eqx.filter_jvp(step, (laws, start, state), (moved_laws, moved_start, change))

        still = jnp.zeros_like(start.position)
        turned = still if moved_start.direction is None else moved_start.direction
        carry = (still, start.direction), (still, turned)
        return lax.fori_loop(0, jnp.max(num_steps), body, carry)[1]

    order, index, own = _blocks(end.num_steps)
    moved_start, start, num_steps = _rows((moved_start, start, end.num_steps), index)
    rows = moved_start, start, jnp.where(own, num_steps, 0)
    return _unfold(lax.map(block, rows), order)


def _undo_steps(
    wanted: PyTree, laws: Laws, start: Particles, end: End, cotangent: tuple[Array, Array]
):
    """Return the cotangents of those laws that are wanted, and of the starts."""
    varied, fixed = eqx.partition(laws, wanted)

    def block(total, row):
        start, end, cotangent = row
        if not isinstance(laws[0], FixedStepPusher):
            more, own = _pull_back(varied, fixed, start, end.num_steps, cotangent)
            return jax.tree.map(jnp.add, total, more), own

        def body(carry):
            total, own, state, cotangent, left = carry
            state = _step(laws, start, state, left, -_length(laws, start, left > 0))

            def step(varied, start, state):
                laws = eqx.combine(varied, fixed)
                return _step(laws, start, state, left - 1, _length(laws, start, left > 0))

            more, own_more, cotangent = jax.vjp(step, varied, start, state)[1](cotangent)
            total, own = jax.tree.map(jnp.add, (total, own), (more, own_more))
            return total, own, state, cotangent, left - 1

        own = jax.tree.map(jnp.zeros_like, start)
        carry = total, own, (end.offset, end.direction), cotangent, end.num_steps
        carry = lax.while_loop(lambda x: jnp.any(x[4] > 0), body, carry)
        total, own, _, (_, turned), _ = carry
        return total, eqx.tree_at(lambda x: x.direction, own, turned)

    order, index, own = _blocks(end.num_steps)
    start, end, cotangent = _rows((start, end, cotangent), index)
    end = eqx.tree_at(lambda x: x.num_steps, end, jnp.where(own, end.num_steps, 0))
    zero = jax.tree.map(jnp.zeros_like, varied)
    total, starts = lax.scan(block, zero, (start, end, cotangent))
    return total, _unfold(starts, order)


def _try(laws: Laws, start: Particles, going: Bool[Array, " row"], state):
    """Return offsets, directions, pusher's states and paths after one try of steps that adapt.

    Their lengths count as given: that of a step changes where it ends within the tolerance alone.
    """
    pusher, motion = laws

    def one(start, going, state):
        offset, direction, control, path = state
        here = motion.with_rigidity(start.rigidity).about(start.position)
        here = here if path is None else here.after(path)
        length = lax.stop_gradient(pusher.step_length(control))
        control = pusher.shortened(control, length)
        offset, direction, gone, control = pusher.step(here, offset, direction, control)
        new = offset, direction, control, None if path is None else path + gone
        return jax.tree.map(lambda a, b: jnp.where(going, a, b), new, state)

    return jax.vmap(one)(start, going, state)


def _begin(laws: Laws, start: Particles):
    """Return what the first try begins with."""
    pusher, motion = laws

    def one(start):
        here = motion.with_rigidity(start.rigidity).about(start.position)
        still = jnp.zeros_like(start.position)
        state = still, start.direction, pusher.init(here, still, start.direction)
        state = *state, jnp.zeros((), still.dtype) if motion.varies else None
        # Of types that a loop finds again: a controller begins with weak ones.
        return jax.tree.map(lambda x: lax.convert_element_type(x, jnp.result_type(x)), state)

    return jax.vmap(one)(start)


def _redo(laws: Laws, start: Particles, num_steps: Int[Array, " row"]):
    """Return offsets and directions after so many tries."""
    one = lambda made, state: _try(laws, start, made < num_steps, state)  # noqa: E731
    return lax.fori_loop(0, jnp.max(num_steps), one, _begin(laws, start))[:2]


def _pull_back(wanted: Laws, fixed: Laws, start: Particles, num_steps, cotangent):
    """Return the cotangents of laws and starts through tries that are made once more.

    States are kept every so many tries, and between two of them a try is made as often as
    there are others behind it.
    """

    def one(wanted, start, made, state):
        return _try(eqx.combine(wanted, fixed), start, made < num_steps, state)

    def forward(first, last, state):
        return lax.fori_loop(first, last, lambda i, x: one(wanted, start, i, x), state)

    most = jnp.max(num_steps)
    stride = jnp.maximum(-(-most // _CHECKPOINTS), 1)
    begun = _begin(eqx.combine(wanted, fixed), start)

    def keep(i, carry):
        kept, state = carry
        kept = jax.tree.map(lambda all_, x: all_.at[i].set(x), kept, state)
        return kept, forward(i * stride, jnp.minimum((i + 1) * stride, most), state)

    empty = jax.tree.map(lambda x: jnp.zeros((_CHECKPOINTS, *x.shape), x.dtype), begun)
    num_kept = -(-most // stride)
    kept, end = lax.fori_loop(0, num_kept, keep, (empty, begun))

    def back(carry):
        made, total, own, cotangent = carry
        made -= 1
        slot = made // stride
        before = forward(slot * stride, made, jax.tree.map(lambda x: x[slot], kept))
        numbers, others = eqx.partition(before, eqx.is_inexact_array)

        def again(wanted, start, numbers):
            return _numbers(one(wanted, start, made, eqx.combine(numbers, others)))

        more, own_more, cotangent = jax.vjp(again, wanted, start, numbers)[1](cotangent)
        return made, *jax.tree.map(jnp.add, (total, own), (more, own_more)), cotangent

    nothing = jax.tree.map(jnp.zeros_like, _numbers(end[2:]))
    carry = most, *jax.tree.map(jnp.zeros_like, (wanted, start)), (*cotangent, *nothing)
    _, total, own, cotangent = lax.while_loop(lambda x: x[0] > 0, back, carry)
    begin = lambda x, y: _numbers(_begin(eqx.combine(x, fixed), y))  # noqa: E731
    pulled = jax.vjp(begin, wanted, start)[1](cotangent)
    return jax.tree.map(jnp.add, (total, own), pulled)


def _numbers(state):
    """Return what of a state has derivatives."""
    return eqx.filter(state, eqx.is_inexact_array)


def _step(
    laws: Laws,
    start: Particles,
    state: tuple[Array, Array],
    made: Int[Array, "..."],
    length: Float[Array, " row"],
):
    """Return offsets and directions a step on from those made, or back: a negative length."""
    pusher, motion = laws
    path = jnp.broadcast_to(made, length.shape).astype(length.dtype)
    path = path * pusher.step_size.astype(length.dtype)

    def one(position, rigidity, offset, direction, path, length):
        here = motion.with_rigidity(rigidity).about(position).after(path)
        return pusher.advance(here, offset, direction, length)

    return jax.vmap(one)(start.position, start.rigidity, *state, path, length)


def _length(laws: Laws, start: Particles, moves: Bool[Array, " row"]) -> Float[Array, " row"]:
    """Return the step where a row makes one, else 0: it then stays, whatever the field."""
    return jnp.where(moves, laws[0].step_size.astype(start.position.dtype), 0)


def _blocks(num_steps: Int[Array, " row"]):
    """Return rows by their number of steps, in blocks, and which are not there a second time."""
    num = num_steps.shape[0]
    width = min(_WIDTH, num)
    place = jnp.arange(-(-num // width) * width).reshape(-1, width)
    order = jnp.argsort(num_steps)
    return order, order[jnp.minimum(place, num - 1)], place < num


def _rows(tree: PyTree, index: Int[Array, "block row"]) -> PyTree:
    return jax.tree.map(lambda x: x[index], tree)


def _unfold(blocks: PyTree, order: Int[Array, " row"]) -> PyTree:
    """Return the rows of blocks in the order from which they were taken."""

    def one(x):
        rows = x.reshape(-1, *x.shape[2:])[: len(order)]
        return jnp.zeros_like(rows).at[order].set(rows)

    return jax.tree.map(one, blocks)


# A linear map with a transpose of its own; equinox derives how it is batched.


@eqxi.filter_primitive_def
def _abstract_eval(*inputs):
    abstract = jax.core.ShapedArray
    structs = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype) if isinstance(x, abstract) else x, inputs
    )
    shapes = eqx.filter_eval_shape(_make_steps, *structs)
    return jax.tree.map(lambda x: abstract(x.shape, x.dtype), shapes)


@eqxi.filter_primitive_jvp
def _jvp(primals, tangents):
    moved, laws, start, end = primals
    changes = []
    if jax.tree.leaves(tangents[0]):
        changes.append(eqxi.filter_primitive_bind(_move, tangents[0], laws, start, end))
    if jax.tree.leaves(tangents[1:3]):  # second derivatives, in forward mode

        def again(laws, start):
            return _make_steps(moved, laws, start, end)

        changes.append(eqx.filter_jvp(again, (laws, start), tangents[1:3])[1])
    out = eqxi.filter_primitive_bind(_move, *primals)
    return out, jax.tree.map(lambda *x: sum(x), *changes)


@eqxi.filter_primitive_transpose(materialise_zeros=True)
def _transpose(inputs, cotangent):
    moved, laws, start, end = inputs
    wanted, wanted_start = jax.tree.map(
        lambda _, x: x is not None, (laws, start), moved, is_leaf=lambda x: x is None
    )
    of_laws, of_start = _undo_steps(wanted, laws, start, end, cotangent)
    nothing = jax.tree.map(lambda _: None, (laws, start, end))
    return (of_laws, eqx.filter(of_start, wanted_start)), *nothing


_move: Any = eqxi.create_vprim(
    "move_ends", eqxi.filter_primitive_def(_make_steps), _abstract_eval, _jvp, _transpose
)
