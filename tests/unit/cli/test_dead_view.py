"""How dead letters look."""

from streamproc.cli.dead_view import as_json, body, head, lines
from streamproc.kafka.letter import Letter, Original
from streamproc.records.dead_letter import DeadLetter, Reference

TOLD = DeadLetter(
    reason="wrong \x1b[31m\n\tfield", code="c", run_id="t/0/1@5", topic="t", partition=0, offset=1, timestamp_ms=5
)
LONG = TOLD.model_copy(update={"reason": "x" * 300, "run_id": "t/0/12@5"})
ORIGINAL = Original(b"\xff", b"v", (("a", b"1"), ("a", b"\xff"), ("n\n", None)))
LETTER = Letter(TOLD, 1_500, "acme", 1, ORIGINAL, None)
FAR = Letter(LONG, 1_500, None, 12, None, Reference(topic="t", partition=0, offset=12, size_bytes=12, sha256="ab"))


def test_piped_fields_are_parted_by_tabs() -> None:
    """Each field stays on its line and in its column, whatever the reason holds; a long reason is cut."""
    first, second = lines([LETTER, FAR], None)
    assert first == "t/0/1@5\t1970-01-01T00:00:01.500Z\tacme\tc\t1\twrong \N{REPLACEMENT CHARACTER}[31m field"
    assert second.startswith("t/0/12@5\t1970-01-01T00:00:01.500Z\t-\tc\t12\t")
    assert second.endswith("x\N{HORIZONTAL ELLIPSIS}")
    assert len(second.split("\t")[5]) == 200


def test_on_a_terminal_columns_are_aligned_and_cut_to_its_width() -> None:
    """A narrow terminal breaks lines rather than losing the reason."""
    first, second = lines([LETTER, FAR], 120)
    assert first.index("1970") == second.index("1970")
    assert first.index("wrong") == second.index("xxx")
    assert len(second) == 120
    assert next(iter(lines([FAR], 10))).count("x") == 39
    assert list(lines([], 80)) == []


def test_json_tells_everything_but_the_value() -> None:
    """Bytes that are no text are marked as what they are."""
    told = as_json(LETTER)
    assert told["key"] == {"base64": "/w=="}
    assert told["headers"] == [["a", "1"], ["a", {"base64": "/w=="}], ["n\n", None]]
    assert told["reason"] == TOLD.reason
    assert (told["time"], told["tenant"], told["reference"]) == ("1970-01-01T00:00:01.500Z", "acme", None)
    far = as_json(FAR)
    assert (far["key"], far["headers"], far["size_bytes"]) == (None, None, 12)
    assert far["reference"]["sha256"] == "ab"


def test_the_head_shows_key_and_headers_on_one_line_each() -> None:
    """What is no text is hexadecimal; without the original there is nothing to show of it."""
    shown = list(head(LETTER, ORIGINAL))
    assert shown[4] == "reason    wrong \N{REPLACEMENT CHARACTER}[31m field"
    assert shown[5:] == [
        "key       0xff", "header    a: 1", "header    a: 0xff", "header    n: -", "size      1 bytes"
    ]  # fmt: skip
    assert [line.split()[0] for line in head(FAR, None)] == ["run", "refused", "tenant", "code", "reason", "size"]


def test_bytes_are_text_where_they_can_be() -> None:
    """Else a dump; an empty value and none are told apart."""
    assert list(body("é\x00".encode())) == ["é\N{REPLACEMENT CHARACTER}"]
    assert list(body(b"\xff" + b"A" * 16)) == [
        "00000000  ff 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41  .AAAAAAAAAAAAAAA",
        "00000010  41                                               A",
    ]
    assert list(body(b"")) == ["(empty)"]
    assert list(body(None)) == ["(no value)"]
