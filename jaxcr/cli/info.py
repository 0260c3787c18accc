"""``jaxcr info``: versions, devices, cache."""

import jax

from jaxcr.cli.config import Info
from jaxcr.cli.output import Outcome
from jaxcr.runtime import cache_directory, versions


def run_info(config: Info) -> Outcome:
    """Print what numbers depend on and where the cache is."""
    found = {
        "versions": versions(),
        "devices": [str(device) for device in jax.local_devices()],
        "backend": jax.default_backend(),
        "float64": jax.config.jax_enable_x64,
        "cache": cache_directory(),
        "compiled": jax.config.jax_compilation_cache_dir,
    }
    for name, version in found["versions"].items():
        print(f"{name:12} {version}")
    print(f"{'devices':12} {', '.join(found['devices'])} ({found['backend']})")
    print(f"{'float64':12} {'on' if found['float64'] else 'off'}")
    print(f"{'cache':12} {found['cache']}")
    print(f"{'compiled':12} {found['compiled'] or 'not kept'}")
    return Outcome(found)
