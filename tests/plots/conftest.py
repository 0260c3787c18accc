"""What every figure must do: render to PNG. Warnings are errors in this session."""

import io

import pytest


@pytest.fixture
def png():
    """Return a function that renders a figure at low resolution and checks the bytes."""

    def render(figure):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=40)
        assert buffer.getvalue().startswith(b"\x89PNG")

    return render
