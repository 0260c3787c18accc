"""What mkdocs does besides the Markdown files: generated pages, pictures, numbers, links."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate import pages as generated
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent


def on_files(files, config):
    """Add the generated pages and the pictures of the experiments, which stay where they are."""
    for address, text in generated.all_pages(ROOT).items():
        files.append(File.generated(config, address, content=text))
    for address, path in generated.all_pictures(ROOT).items():
        files.append(File.generated(config, address, abs_src_path=os.fspath(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Fill in numbers of result files, and point links to files of the repository there."""
    return generated.resolved(markdown, ROOT, config.repo_url)
