"""TLS by the files of the settings: whom to trust, who we are, and files that are not what they should be."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from streamproc.errors import ConnectFailed, Disconnected, SetupError
from streamproc.providers.catalog import Catalog
from streamproc.settings.provider import ProviderSettings
from tests.faults.raw_provider import DONE, END, FINISH, STREAM, outcome, token
from tests.unit.providers.calls import a_call

Certificate = tuple[Path, Path]
both_engines = pytest.mark.parametrize("engine", ["httptools", "httpx"])


def catalog(port: int, tls: dict[str, Path], engine: str = "httptools") -> Catalog:
    """One provider `p` with these files."""
    fields: dict[str, Any] = {"models": ["m"], "base_url": f"https://localhost:{port}/v1", "tls": tls, "engine": engine}
    return Catalog({"p": ProviderSettings.model_validate(fields)}, now=lambda: 0.0)


@asynccontextmanager
async def a_server(certificate: Certificate, *, asks_for_ours: bool) -> AsyncIterator[int]:
    """Answers over TLS; gives its port."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    if asks_for_ours:
        tls.load_verify_locations(certificate[0])
        tls.verify_mode = ssl.CERT_REQUIRED

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            writer.write(b"".join((STREAM, token("a"), FINISH, DONE, END)))
            await writer.drain()
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
    await asyncio.sleep(0.01)


@both_engines
async def test_an_authority_of_ones_own(certificate: Certificate, engine: str) -> None:
    """With the file the server is trusted, without it not."""
    async with a_server(certificate, asks_for_ours=False) as port:
        trusting, doubting = catalog(port, {"ca_file": certificate[0]}, engine), catalog(port, {}, engine)
        text, _, error = await outcome(trusting.providers["p"], a_call())
        assert (text, error) == ("a", None)
        _, _, error = await outcome(doubting.providers["p"], a_call())
        assert isinstance(error, ConnectFailed)
        await trusting.aclose()
        await doubting.aclose()


@both_engines
async def test_a_server_that_asks_who_we_are(certificate: Certificate, engine: str) -> None:
    """Our certificate is shown, its key in a file of its own; without one the server hangs up."""
    path, key = certificate
    async with a_server(certificate, asks_for_ours=True) as port:
        known = catalog(port, {"ca_file": path, "cert_file": path, "key_file": key}, engine)
        unknown = catalog(port, {"ca_file": path}, engine)
        text, _, error = await outcome(known.providers["p"], a_call())
        assert (text, error) == ("a", None)
        _, _, error = await outcome(unknown.providers["p"], a_call())
        assert isinstance(error, (ConnectFailed, Disconnected))
        await known.aclose()
        await unknown.aclose()


async def test_certificate_and_key_in_one_file(certificate: Certificate, tmp_path: Path) -> None:
    """Then `key_file` is not needed."""
    both = tmp_path / "both.pem"
    both.write_bytes(certificate[0].read_bytes() + certificate[1].read_bytes())
    async with a_server(certificate, asks_for_ours=True) as port:
        built = catalog(port, {"ca_file": certificate[0], "cert_file": both})
        text, _, error = await outcome(built.providers["p"], a_call())
        assert (text, error) == ("a", None)
        await built.aclose()


@pytest.mark.parametrize(
    ("tls", "place"),
    [
        ({"ca_file": "none.pem"}, "ca_file"),
        ({"ca_file": "page.pem"}, "ca_file"),
        ({"ca_file": "."}, "ca_file"),
        ({"cert_file": "none.pem"}, "cert_file"),
        ({"cert_file": "page.pem"}, "cert_file"),
        ({"cert_file": "certificate.pem"}, "cert_file"),
        ({"cert_file": "certificate.pem", "key_file": "none.pem"}, "cert_file"),
        ({"cert_file": "certificate.pem", "key_file": "other.pem"}, "cert_file"),
        ({"cert_file": "certificate.pem", "key_file": "locked.pem"}, "cert_file"),
    ],
)
async def test_wrong_files(certificate: Certificate, tmp_path: Path, tls: dict[str, str], place: str) -> None:
    """Refused at start in one sentence, with the setting and the file. A locked key does not ask a terminal."""
    (tmp_path / "certificate.pem").write_bytes(certificate[0].read_bytes())
    (tmp_path / "page.pem").write_text("<html>not found</html>")
    if "other.pem" in tls.values():
        _openssl(
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", tmp_path / "other.pem"
        )
    if "locked.pem" in tls.values():
        locked = tmp_path / "locked.pem"
        _openssl("ec", "-in", certificate[1], "-aes128", "-passout", "pass:secret", "-out", locked)
    files = {name: tmp_path / file for name, file in tls.items()}
    with pytest.raises(SetupError) as refused:
        catalog(1, files)
    sentence = str(refused.value)
    assert sentence.startswith(f"providers.p.tls.{place} {files[place]}")
    assert "\n" not in sentence
    assert len(sentence) > len(f"providers.p.tls.{place} {files[place]}") + 5


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
