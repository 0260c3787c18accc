"""Work on two devices, in a process that has them."""

import subprocess
import sys

SCRIPT = """
import gc
import jax
jax.config.update("jax_num_cpu_devices", 2)
import jax.numpy as jnp, numpy as np
from jaxcr import devices

two = tuple(jax.devices())
array, small = jnp.ones((2**19,)), jnp.ones(3)
{}
"""


def run(script):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(script)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_large_array_is_copied_once_and_forgotten_with_its_owner():
    run("""
first, again = (devices.on_each((array, small, "text"), two) for _ in range(2))
assert first[0] is again[0] and first[0].devices() == set(two)
assert first[1] is small and devices.on_each(array, two[:1]) is array
assert jax.jit(lambda x: devices.on_each(x, two) + 1)(array)[0] == 2
assert len(devices._copies) == 1
del array, first, again
gc.collect()
assert not devices._copies
""")


def test_rows_are_shared_out_and_come_back_in_order():
    run("""
rows = jnp.arange(7.0)
def function(rows, common):
    assert rows.shape == (6,)
    return jnp.stack([rows + common[0], 2 * rows]), rows[None]
sums, same = jax.jit(
    lambda x: devices.share_out(function, x, (1.0, "text"), two, axis=1, multiple=3)
)(rows)
np.testing.assert_array_equal(sums, [rows + 1, 2 * rows])
np.testing.assert_array_equal(same[0], rows)
""")
