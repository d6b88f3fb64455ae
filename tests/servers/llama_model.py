"""A language model of 0.4 MB that counts: real for the server that runs it, and known word by word to a test.

Its input tokens are the bytes of the prompt. The last byte picks one of ten sentences (`7` the seventh), and the answer
is `7.1 7.2 … 7.24`, then the end mark. So a finished answer has 24 tokens and an end token, a shorter limit cuts it,
and a token that strayed into another answer is seen at once. Give a prompt that ends in the wanted digit.

How it works: attention and feed-forward weights are zero, so the state after the last layer is the embedding of the
last token; the output row of each token points at the embedding of the token before it.
"""

from pathlib import Path

import gguf
import numpy as np

from tests.servers.llama_words import WORDS

__all__ = ["write_model"]

_WIDTH = 64
_CONTEXT = 65_536
_SENTENCES = 10
_SPECIAL = ("<unk>", "<s>", "</s>")
_END = 2
_FIRST_BYTE = len(_SPECIAL)
_FIRST_WORD = _FIRST_BYTE + 256
_SIZE = _FIRST_WORD + _SENTENCES * WORDS
_SPACE = "\u2581"  # the server puts this letter in the place of every space; it is three bytes long, and one token here
_TEMPLATE = "{% for message in messages %}{% if not loop.first %}\n{% endif %}{{ message.content }}{% endfor %}"


def write_model(path: Path) -> None:
    """Writes the model as a GGUF file."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("counting")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_WIDTH)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(_WIDTH // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(_SIZE)
    _add_vocabulary(writer)
    for name, values in _weights().items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    kinds_of_bytes = [gguf.TokenType.BYTE] * 256
    bytes_[ord(" ")], kinds_of_bytes[ord(" ")] = _SPACE, gguf.TokenType.NORMAL
    words = [f"{_SPACE}{sentence}.{word + 1}" for sentence in range(_SENTENCES) for word in range(WORDS)]
    kinds = gguf.TokenType
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*_SPECIAL, *bytes_, *words])
    writer.add_token_scores([0.0] * _SIZE)
    writer.add_token_types([kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *kinds_of_bytes, *[kinds.NORMAL] * len(words)])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(_END)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(_TEMPLATE)


def _weights() -> dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]:
    directions = np.random.default_rng(7).standard_normal((_SIZE, _WIDTH)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    embedding = directions.copy()
    output = np.zeros_like(directions)
    # Bytes that pick the same sentence share an embedding, and so do the last words of all sentences.
    picks = [directions[_FIRST_BYTE + digit] for digit in range(_SENTENCES)]
    last = directions[-1]
    for byte in range(256):
        embedding[_FIRST_BYTE + byte] = picks[(byte - ord("0")) % _SENTENCES]
    for sentence in range(_SENTENCES):
        first = _FIRST_WORD + sentence * WORDS
        embedding[first + WORDS - 1] = last
        output[first] = picks[sentence]
        output[first + 1 : first + WORDS] = embedding[first : first + WORDS - 1]
    output[_END] = last
    zero = np.zeros((_WIDTH, _WIDTH), np.float32)
    ones = np.ones(_WIDTH, np.float32)
    return {
        "token_embd.weight": embedding,
        "output_norm.weight": ones,
        "output.weight": output * 8,  # so far above all others that no temperature reaches them
        "blk.0.attn_norm.weight": ones,
        **{f"blk.0.attn_{part}.weight": zero for part in ("q", "k", "v", "output")},
        "blk.0.ffn_norm.weight": ones,
        **{f"blk.0.ffn_{part}.weight": zero for part in ("gate", "up", "down")},
    }
