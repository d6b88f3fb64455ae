"""URLs of servers, taken apart."""

import pytest

from streamproc.errors import SetupError
from streamproc.providers.server_url import ServerUrl


@pytest.mark.parametrize(
    ("url", "taken_apart", "authority"),
    [
        ("https://api.example.org/v1", (True, "api.example.org", 443, "/v1"), "api.example.org"),
        ("https://api.example.org:443", (True, "api.example.org", 443, ""), "api.example.org"),
        ("http://API.example.org:443/", (False, "api.example.org", 443, ""), "api.example.org:443"),
        ("http://[2001:db8::1]:8080/a/b", (False, "2001:db8::1", 8080, "/a/b"), "[2001:db8::1]:8080"),
        ("https://bücher.example/é%20", (True, "xn--bcher-kva.example", 443, "/%C3%A9%20"), "xn--bcher-kva.example"),
        ("http://a..b/x:y", (False, "a..b", 80, "/x:y"), "a..b"),
    ],
)
def test_what_a_connection_needs(url: str, taken_apart: tuple[bool, str, int, str], authority: str) -> None:
    """Letters beyond ASCII as DNS and request lines have them; the usual port is not said."""
    read = ServerUrl.read("p", url)
    assert read == taken_apart
    assert read.authority == authority
    assert read.origin == f"http{'s' if read.is_tls else ''}://{authority}"


@pytest.mark.parametrize(
    "url",
    ["", "host", "ftp://host", "http://", "http:///v1", "http://host:0", "http://host:65536", "http://host:x",
     "http://me@host", "http://[::1", "https://xn--a/v1", f"http://{'ü' * 70}.example"],
)  # fmt: skip
def test_what_is_none(url: str) -> None:
    """One sentence, which names the setting."""
    with pytest.raises(SetupError, match=r"^providers\.p\.base_url "):
        ServerUrl.read("providers.p.base_url", url)
