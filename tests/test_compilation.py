"""How loops over a field are compiled: one gather for each evaluation, and no error within jit."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.compilation import jit_loop

_COUNT = """
import glob, os, re, sys, tempfile
folder = tempfile.mkdtemp()
os.environ["XLA_FLAGS"] = f"--xla_dump_to={folder} --xla_dump_hlo_as_text"
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "0"
import jax, jax.numpy as jnp
from jax import lax
if sys.argv[2] == "none":
    lax.optimization_barrier = lambda x: x
from jaxcr import fields, orbits
from jaxcr.compilation import jit_loop

stencil = getattr(fields, sys.argv[1])()
field = fields.GridField(
    jnp.ones((16, 16, 16, 3)), spacing=1.0, origin=jnp.zeros(3), stencil=stencil
)

pusher = eval(sys.argv[3]) if len(sys.argv) > 3 else orbits.Boris(step=0.5)

@jit_loop
def steps_in_a_loop(motion, pusher, *states):
    def one(x, n, state):
        x, n, _, state = pusher.step(motion, x, n, state)
        return x, n, state
    return lax.fori_loop(0, 10, lambda i, state: jax.vmap(one)(*state), states)

motion = orbits.Lorentz(field, jnp.float32(30.0))
pusher, states = pusher.prepare(motion), (jnp.ones((64, 3)), jnp.ones((64, 3)))
start = jax.vmap(lambda x, n: pusher.init(motion, x, n))(*states)
steps_in_a_loop(motion, pusher, *states, start)
[path] = glob.glob(f"{folder}/*steps_in_a_loop*after_optimizations.txt")
parts = [x for x in open(path).read().split("\\n\\n") if " gather(" in x]
print(len(parts), sum(x.count(" floor(") for x in parts))
"""


def gathers(stencil, barriers="kept", *pusher):
    """Return how many compiled parts gather, and how many of them work out cells, too."""
    command = [sys.executable, "-c", _COUNT, stencil, barriers, *pusher]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return tuple(map(int, done.stdout.split()))


@pytest.mark.parametrize("stencil", ["Linear", "CubicSpline"])
def test_a_step_gathers_the_field_once(stencil):
    assert gathers(stencil)[0] == 1


def test_a_step_of_diffrax_gathers_the_field_once_for_each_stage():
    # Tsit5 has seven stages: the first is the last one of the step before.
    assert gathers("Linear", "kept", "orbits.DiffraxPusher()")[0] == 6


@pytest.mark.skipif(jax.__version_info__ >= (0, 11), reason="barriers stay without an option")
def test_barriers_are_kept_where_the_compiler_takes_them_out():
    # Without them the cell of a particle is worked out again for every number gathered.
    assert gathers("Linear") == (1, 0)
    assert gathers("Linear", "none") == (1, 1)


@jit_loop
def tripled(x):
    return 3 * x


def test_is_a_function_for_every_transformation():
    x = jnp.arange(3.0)
    for f in (tripled, jax.jit(tripled), jax.vmap(tripled), jax.jit(jax.vmap(tripled))):
        np.testing.assert_array_equal(f(x), 3 * x)
    assert jax.grad(tripled)(2.0) == 3
    assert jax.jvp(tripled, (x,), (x,))[1][2] == 6
    assert jax.lax.scan(lambda c, _: (tripled(c), None), 1.0, length=2)[0] == 9
