from jaxcr import arrays as arrays
from jaxcr import bench as bench
from jaxcr import checks as checks
from jaxcr import cli as cli
from jaxcr import experiments as experiments
from jaxcr import fields as fields
from jaxcr import infer as infer
from jaxcr import kinetic as kinetic
from jaxcr import observed as observed
from jaxcr import orbits as orbits
from jaxcr import plots as plots
from jaxcr import runs as runs
from jaxcr import runtime as runtime
from jaxcr import sky as sky
from jaxcr import traps as traps
from jaxcr import units as units

__version__: str
