"""``jaxcr info``: versions, devices, cache."""

import jax

from jaxcr.cli.config import Info
from jaxcr.runtime import cache_directory, versions


def run_info(config: Info) -> None:
    """Print what numbers depend on and where the cache is."""
    for name, version in versions().items():
        print(f"{name:12} {version}")
    devices = ", ".join(str(device) for device in jax.local_devices())
    print(f"{'devices':12} {devices} ({jax.default_backend()})")
    print(f"{'float64':12} {'on' if jax.config.jax_enable_x64 else 'off'}")
    print(f"{'cache':12} {cache_directory()}")
    print(f"{'compiled':12} {jax.config.jax_compilation_cache_dir or 'not kept'}")
