"""What a model writes, on a terminal."""

import pytest

from streamproc.cli.show import printable


@pytest.mark.parametrize("sign", ["\x1b]0;title\x07", "\x1b[31m", "\x00", "\u202e", "\r"])
def test_what_would_steer_the_terminal_is_replaced(sign: str) -> None:
    """Titles, colours and directions are the reader's own."""
    shown = printable(f"a{sign}b\tc\n")
    assert shown.startswith("a\N{REPLACEMENT CHARACTER}")
    assert shown.endswith("b\tc\n")
    assert printable("é 😀") == "é 😀"
