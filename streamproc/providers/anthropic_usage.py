"""The usage of Anthropic's Messages: told at the beginning and at the end of an answer, never to be added up."""

from typing import Any

from streamproc.providers.fields import count, part, reason
from streamproc.providers.origin import Origin
from streamproc.records.usage import TokenCounts

__all__ = ["UsageSoFar"]

_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""The three are beside each other: `input_tokens` is what was neither written to a cache nor read from one."""
_OUTPUT = ("output_tokens", "output_tokens_details")
_KEPT = (*_PROMPT, *_OUTPUT, "cache_creation", "server_tool_use", "service_tier")


class UsageSoFar:
    """What an answer told of its usage. All figures are cumulative: a later one takes the place of an earlier one."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._told: dict[str, Any] = {}

    def add(self, usage: Any) -> None:
        """Takes a usage object; fields that are missing or null leave what was told before."""
        if isinstance(usage, dict):
            self._told |= {name: value for name in _KEPT if (value := usage.get(name)) is not None}

    def forget_output(self) -> None:
        """The output at the beginning is a placeholder: without a later figure it is not known."""
        for name in _OUTPUT:
            self._told.pop(name, None)

    @property
    def service_tier(self) -> str | None:
        """The tier on which the provider says it answered; None for what is no text."""
        tier = self._told.get("service_tier")
        return reason(tier, self._origin) if isinstance(tier, str) else None

    def tokens(self) -> TokenCounts | None:
        """The counts; a figure that is missing or makes no sense is None, and so is a usage without figures."""
        told = self._told
        figures = [count(told, name) for name in _PROMPT if name == "input_tokens" or name in told]
        known = [figure for figure in figures if figure is not None]
        tokens_in = sum(known) if len(known) == len(figures) else None
        tokens_out = count(told, "output_tokens")
        if tokens_in is None and tokens_out is None:
            return None
        written = part(count(told, "cache_creation_input_tokens"), tokens_in)
        return TokenCounts(
            input=tokens_in,
            output=tokens_out,
            cached_input=part(count(told, "cache_read_input_tokens"), tokens_in),
            cache_write=written,
            cache_write_1h=part(count(told.get("cache_creation"), "ephemeral_1h_input_tokens"), written),
            reasoning=part(count(told.get("output_tokens_details"), "thinking_tokens"), tokens_out),
            web_searches=count(told.get("server_tool_use"), "web_search_requests"),
        )
