"""How loops that evaluate a field are compiled, on every version of JAX."""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import equinox as eqx
import jax
from jax import lax

from jaxcr.checks import is_concrete

_P = ParamSpec("_P")
_T = TypeVar("_T")

_BARRIERS_STAY = jax.__version_info__ >= (0, 11)
# Loops over few numbers would be compiled into one kernel, which aborts where it meets a barrier.
_KEEP_BARRIERS = {"xla_disable_hlo_passes": "cse_barrier_expander,small-while-loop-hoisting"}
_asked_to_keep = contextvars.ContextVar("asked_to_keep", default=False)


def jit_loop(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Compile a function that evaluates a field in a loop, as ``equinox.filter_jit`` does.

    Notes
    -----
    The CPU compiler of jax before 0.11 takes barriers out before it fuses: the field is then
    gathered again by everything that reads it, which costs a factor of 1.5 to 3. An option that
    leaves them in is given to the outermost program, the only one that JAX takes it for. Within
    a ``jit`` or derivative of the caller's, the function is compiled as part of that.
    """
    within = eqx.filter_jit(function)
    if _BARRIERS_STAY:
        return within

    @functools.wraps(function)
    def keeping(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        with _keep():
            return function(*args, **kwargs)

    outermost = eqx.filter_jit(keeping, compiler_options=_KEEP_BARRIERS)

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        # A new array is traced within jit, even where no argument is.
        alone = is_concrete(lax.full((), 0), args, kwargs) and jax.default_backend() == "cpu"
        return (outermost if alone else within)(*args, **kwargs)

    return call


def gathers_want_barriers() -> bool:
    """Return whether what is gathered is to be kept behind a barrier in the program being traced.

    Twice as fast where barriers hold by the option above, two times slower everywhere else.
    """
    return _asked_to_keep.get()


@contextlib.contextmanager
def _keep() -> Iterator[None]:
    """Note, while a program is traced, that its barriers will be kept."""
    token = _asked_to_keep.set(True)
    try:
        yield
    finally:
        _asked_to_keep.reset(token)
