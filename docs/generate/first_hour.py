"""Draw the tutorial's picture again, from the tutorial's own code: needs jaxcr and a minute.

python docs/generate/first_hour.py
"""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(DOCS))

from PIL import Image  # noqa: E402

from generate import code  # noqa: E402

PICTURE = "first-hour.png"
_COLORS = 96  # of the palette: a third of the size, and no difference that can be seen


def main() -> None:
    """Run the blocks up to the picture, and write it with a palette."""
    target = DOCS / "pictures" / PICTURE
    blocks = code.blocks((DOCS / "tutorial.md").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        namespace = {}
        for block in blocks:
            if not block.slow:
                exec(block.source, namespace)
            if os.path.exists(PICTURE):
                break
        with Image.open(PICTURE) as picture:
            picture.convert("RGB").quantize(_COLORS).save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
