"""Patterns: the scopes a cap or an operator's word is for, in settings, in records and on the command line."""

import re
from typing import Literal, NamedTuple

__all__ = ["ANY", "Kind", "Pattern", "parse_pattern"]

Kind = Literal["global", "tenant", "user", "feature"]

ANY = "*"

_NAMED = re.compile(r"(tenant|user|feature)=(\*|[A-Za-z0-9._:@/-]{1,128})")


class Pattern(NamedTuple):
    """One scope by its name, or any of a kind, each by itself; "global" has no name.

    `tenant` is for users only; None is the user of that name, or any user, of each tenant.
    """

    kind: Kind
    name: str = ""
    tenant: str | None = None

    def __str__(self) -> str:
        text = f"{self.kind}={self.name}" if self.name else self.kind
        return text if self.tenant is None else f"{text} of tenant {self.tenant}"


def parse_pattern(text: str, tenant: str | None = None) -> Pattern:
    """What `global`, `tenant=acme` or `user=*` stands for; a user's tenant can be given beside it.

    Raises:
        ValueError: it stands for nothing.
    """
    found = _NAMED.fullmatch(text)
    if found is None and text != "global":
        raise ValueError(f"{text[:80]!r} is no scope; write global, tenant=NAME, user=NAME or feature=NAME; * is any")
    if tenant is not None and (found is None or found[1] != "user"):
        raise ValueError("a tenant goes with the scope of a user only")
    if found is None:
        return Pattern("global")
    if found[1] == "tenant":
        return Pattern("tenant", found[2])
    return Pattern("user", found[2], tenant) if found[1] == "user" else Pattern("feature", found[2])
