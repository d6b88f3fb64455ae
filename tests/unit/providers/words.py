"""The words of each API: what stands in its answers as a key or as a value with a meaning."""

__all__ = ["WORDS"]

_CHOICES = [
    "choices", "delta", "message", "text", "content", "refusal", "reasoning", "tool_calls", "index", "id", "name",
    "function", "arguments", "finish_reason", "usage", "prompt_tokens", "completion_tokens", "prompt_tokens_details",
    "model", "error", "object", "service_tier", "stop",
]  # fmt: skip
WORDS = {
    "OpenAIChat": _CHOICES,
    "OpenAICompletions": _CHOICES,
    "OpenAIResponses": [
        "type", "delta", "item", "output_index", "response", "output", "status", "error", "code", "message", "content",
        "text", "summary", "arguments", "call_id", "id", "name", "encrypted_content", "incomplete_details", "reason",
        "usage", "input_tokens", "output_tokens", "model", "completed", "incomplete", "failed", "reasoning",
        "function_call", "response.completed", "response.incomplete", "response.failed", "response.output_text.delta",
        "response.output_item.added", "response.output_item.done", "response.function_call_arguments.delta",
        "response.reasoning_text.delta",
    ],
    "Anthropic": [
        "type", "index", "delta", "text", "thinking", "signature", "partial_json", "content_block", "message", "usage",
        "stop_reason", "error", "id", "name", "input", "model", "data", "input_tokens", "output_tokens",
        "cache_creation", "service_tier", "content", "content_block_start", "content_block_delta",
        "content_block_stop", "message_start", "message_delta", "message_stop", "text_delta", "thinking_delta",
        "signature_delta", "input_json_delta", "tool_use", "redacted_thinking",
    ],
    "Ollama": [
        "error", "content", "response", "done", "done_reason", "tool_calls", "function", "arguments", "id", "name",
        "message", "model", "thinking", "prompt_eval_count", "eval_count",
    ],
}  # fmt: skip
"""Keys and values by dialect, so that the paths behind the first key are walked, too."""
