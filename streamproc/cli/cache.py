"""`streamproc cache`: what the workers' shared store of answers holds, and emptying it."""

import asyncio
import re
import sys
from typing import Annotated

from cyclopts import Parameter

from streamproc.caching import redis_url
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.cli.table import lines
from streamproc.errors import SetupError
from streamproc.records.codec import encode_json
from streamproc.settings.settings import Settings
from streamproc.stores.redis_upkeep import RedisUpkeep, Share

__all__ = ["purge", "stats"]

_NAME = re.compile(r"[A-Za-z0-9._:@/-]{1,128}")


def stats(
    *,
    json: Annotated[bool, Parameter(help="Print one JSON object.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Show how many answers the shared store holds, and their bytes, for each tenant.

    It goes through all keys, a thousand at a time: some seconds for a million. What workers hold in their own memory,
    their metrics tell. Exit code 0, or 2 when there is no Redis.
    """
    shares = asyncio.run(_shares(_url(settings_of(config))))
    if json:
        tenants = {tenant: share._asdict() for tenant, share in sorted(shares.items())}
        sys.stdout.buffer.write(encode_json({"tenants": tenants}) + b"\n")
        return 0
    rows = [(str(share.entries), str(share.used_bytes), tenant) for tenant, share in sorted(shares.items())]
    for line in lines(("ENTRIES", "BYTES", "TENANT"), rows, aligned=sys.stdout.isatty()):
        print(line)  # noqa: T201 the command line speaks
    total = sum(share.entries for share in shares.values())
    print(f"{total} answers of {len(shares)} tenants", file=sys.stderr)  # noqa: T201 the same
    return 0


def purge(
    *,
    tenant: Annotated[str | None, Parameter(help="Only this tenant's answers.")] = None,
    all_tenants: Annotated[bool, Parameter(name="--all", help="Everybody's.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Delete stored answers from the shared store.

    Each worker may give its own copies for `cache.redis_memory_seconds` more, and calls that run now store their
    answers when they end. Exit code 0 when it is done, also when there was nothing; 2 when it is not.
    """
    if (tenant is None) is not all_tenants:
        raise SetupError("say whose answers: --tenant NAME or --all, one of both")
    if tenant is not None and not _NAME.fullmatch(tenant):
        raise SetupError(f"--tenant: {tenant!r:.80} is no name of a tenant")
    settings = settings_of(config)
    count = asyncio.run(_purge(_url(settings), tenant))
    whose = "of all tenants" if tenant is None else f"of {tenant}"
    seconds = settings.cache.redis_memory_seconds
    print(f"{count} answers {whose} are deleted; no worker gives them after {seconds:g} s")  # noqa: T201 the same
    return 0


def _url(settings: Settings) -> str:
    url = redis_url(settings.cache)
    if url is None:
        raise SetupError(
            "there is no cache.redis_url: answers are in the memory of each worker only; restart the workers, or wait"
            " for their time to live"
        )
    return url


async def _shares(url: str) -> dict[str, Share]:
    async with RedisUpkeep.connect(url) as upkeep:
        return await upkeep.shares()


async def _purge(url: str, tenant: str | None) -> int:
    async with RedisUpkeep.connect(url) as upkeep:
        return await upkeep.purge(tenant)
