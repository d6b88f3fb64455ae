"""All cases: each API's bytes under the names of the shared situations, and what it has of its own."""

from tests.faults.cases.anthropic import ANTHROPIC
from tests.faults.cases.api import Api
from tests.faults.cases.case import Case
from tests.faults.cases.connections import connections
from tests.faults.cases.ollama import OLLAMA_CHAT, OLLAMA_GENERATE
from tests.faults.cases.openai_chat import OPENAI_CHAT
from tests.faults.cases.openai_completions import OPENAI_COMPLETIONS
from tests.faults.cases.openai_responses import OPENAI_RESPONSES
from tests.faults.cases.refusals import refusals
from tests.faults.cases.streams import streams

__all__ = ["APIS", "CASES"]

APIS = (OPENAI_CHAT, OPENAI_RESPONSES, OPENAI_COMPLETIONS, ANTHROPIC, OLLAMA_CHAT, OLLAMA_GENERATE)


def _cases() -> dict[str, tuple[Api, Case]]:
    found = {}
    for api in APIS:
        for table in (connections(api), streams(api), refusals(api), api.own):
            for name, case in table.items():
                key = f"{api.name}: {name}"
                assert key not in found, key
                found[key] = api, case
    return found


CASES = _cases()
"""By "API: situation"."""
