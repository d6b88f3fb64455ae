"""Which dialect the settings mean."""

from typing import NamedTuple
from urllib.parse import urlsplit

from streamproc.providers.anthropic import Anthropic
from streamproc.providers.dialect import Dialect
from streamproc.providers.embeddings import OLLAMA, OPENAI, EmbeddingsDialect
from streamproc.providers.ollama import Ollama
from streamproc.providers.openai_chat import OpenAIChat
from streamproc.providers.openai_completions import OpenAICompletions
from streamproc.providers.openai_responses import OpenAIResponses
from streamproc.settings.provider import ProviderSettings

__all__ = ["Spoken", "spoken"]

_OPENAI_HOST = "api.openai.com"
_OLLAMA_CONTEXT_TOKENS = 4096  # what Ollama itself takes where little memory is (`docs/faq.md` of Ollama)


class Spoken(NamedTuple):
    """A provider's dialect, and the one for requests that ask for embeddings; None where the API has none."""

    answers: Dialect
    embeddings: Dialect | None


def spoken(settings: ProviderSettings) -> Spoken:
    """What a provider over HTTP speaks."""
    is_openai = urlsplit(settings.base_url).hostname == _OPENAI_HOST
    match settings.kind:
        case "anthropic":
            return Spoken(Anthropic(), None)
        case "ollama":

            def context_tokens(model: str) -> int:
                facts = settings.facts.get(model)
                return facts.context_tokens if facts and facts.context_tokens else _OLLAMA_CONTEXT_TOKENS

            return Spoken(Ollama(context_tokens), EmbeddingsDialect(OLLAMA))
        case "openai_responses":
            return Spoken(OpenAIResponses(is_openai=is_openai), EmbeddingsDialect(OPENAI))
        case "openai_completions":
            return Spoken(OpenAICompletions(is_openai=is_openai), EmbeddingsDialect(OPENAI))
        case _:
            chat = OpenAIChat(output_limit_field=settings.max_tokens_field, is_openai=is_openai)
            return Spoken(chat, EmbeddingsDialect(OPENAI))
