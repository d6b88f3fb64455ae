import httpx

from tests.servers.llama_words import WORDS, answer


async def test_a_whole_answer_ends_with_stop_and_counts_its_tokens(llama: str) -> None:
    """The model says its sentence to the end, and the server counts one token per byte of the prompt."""
    async with httpx.AsyncClient() as client:
        response = await client.post(f"{llama}/chat/completions", json=_request("count 7"))
    body = response.json()
    assert body["choices"][0]["message"]["content"].strip() == answer(7)
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] == WORDS + 1
    assert body["usage"]["prompt_tokens"] == len("count 7") + 1


async def test_a_stream_with_a_limit_is_cut_and_ends_with_usage(llama: str) -> None:
    """The server sends one event per token, the reason for the end, the usage and the end mark."""
    request = _request("count 3") | {
        "stream": True,
        "max_completion_tokens": 5,
        "stream_options": {"include_usage": True},
    }
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", f"{llama}/chat/completions", json=request) as response,
    ):
        lines = [line async for line in response.aiter_lines() if line]
    assert sum('"content":" 3.' in line for line in lines) == 5
    assert any('"finish_reason":"length"' in line for line in lines)
    assert '"completion_tokens":5' in lines[-2]
    assert lines[-1] == "data: [DONE]"


def _request(content: str) -> dict[str, object]:
    return {"model": "counting", "messages": [{"role": "user", "content": content}]}
