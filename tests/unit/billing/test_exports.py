"""Export files of providers: every form that is known, and the place of what is wrong in one."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamproc.billing.export import CallExport, DayExport, Figures, ServedCall
from streamproc.billing.export_files import read_exports
from streamproc.errors import SetupError

DAY = 20_484  # 2026-01-31
NOON = 1_769_860_800  # 12:00 UTC of that day
OPENAI_USAGE = (
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,"
    "service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens\n"
)
OPENAI_COSTS = (
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,line_item,project_id\n"
)
ANTHROPIC_USAGE = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
    "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
    "usage_output_tokens,web_search_count,inference_geo,speed\n"
)
ANTHROPIC_COSTS = "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,cost_type\n"


def openai_page(*results: Any, start: int = NOON, more: bool = False) -> str:
    """A page of OpenAI's usage or cost API with one bucket."""
    bucket = {"object": "bucket", "start_time": start, "end_time": start + 3600, "results": results}
    return json.dumps({"object": "page", "data": [bucket], "has_more": more, "next_page": "x" if more else None})


def anthropic_page(*results: Any) -> str:
    """A page of Anthropic's usage or cost report with one bucket."""
    bucket = {"starting_at": "2026-01-31T00:00:00Z", "ending_at": "2026-02-01T00:00:00Z", "results": results}
    return json.dumps({"data": [bucket], "has_more": False, "next_page": None})


def read(folder: Path, *texts: str) -> DayExport | CallExport:
    """The export in files with these texts."""
    files = [folder / f"export-{number}" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    return read_exports(files)


OPENAI_FIGURES = Figures(requests=3, input_tokens=100, output_tokens=50, cached_input_tokens=80)
RESULT = {"num_model_requests": 3, "input_tokens": 100, "output_tokens": 50, "input_cached_tokens": 80, "model": "m-1"}


@pytest.mark.parametrize(
    ("text", "model", "figures"),
    [
        (openai_page(RESULT), "m-1", OPENAI_FIGURES),
        (
            OPENAI_USAGE
            + f"{NOON},{NOON + 60},2026-01-31T12:00:00+00:00,2026-01-31T12:01:00+00:00,p,3.0,,k,m-1,,default,100,50,80,20\n",
            "m-1",
            OPENAI_FIGURES,
        ),
        (
            openai_page({"amount": {"value": 0.06, "currency": "usd"}, "line_item": "m-1, input"}),
            "m-1",
            Figures(cost_nanos=60_000_000, slack_nanos=1),
        ),
        (
            OPENAI_COSTS + f'{NOON},{NOON + 60},,,0.003835980000000000000000000000,usd,,"m-1, output",\n',
            "m-1",
            Figures(cost_nanos=3_835_980, slack_nanos=1),
        ),
        (
            anthropic_page(
                {
                    "uncached_input_tokens": 15,
                    "cache_creation": {"ephemeral_1h_input_tokens": 10, "ephemeral_5m_input_tokens": 5},
                    "cache_read_input_tokens": 2,
                    "output_tokens": 7,
                    "model": "claude-x",
                }
            ),
            "claude-x",
            Figures(input_tokens=32, output_tokens=7, cached_input_tokens=2),
        ),
        (
            ANTHROPIC_USAGE + "2026-01-31,claude-x,key,Default,standard,≤ 200k,15,5,10,2,7,0,global,\n",
            "claude-x",
            Figures(input_tokens=32, output_tokens=7, cached_input_tokens=2),
        ),
        (
            anthropic_page({"amount": "123.78912", "currency": "USD", "model": "claude-x", "cost_type": "tokens"}),
            "claude-x",
            Figures(cost_nanos=1_237_891_200, slack_nanos=1),
        ),
        (
            ANTHROPIC_COSTS + "2026-01-31,Claude Opus 4.6,Default,key,message,≤ 200k,output,1.25,token\n",
            "claude-opus-4-6",
            Figures(cost_nanos=1_250_000_000, slack_nanos=5_000_000),
        ),
    ],
    ids=[
        f"{owner} {what}" for owner in ("openai", "anthropic") for what in ("usage", "usage csv", "costs", "costs csv")
    ],
)
def test_every_form_is_read(tmp_path: Path, text: str, model: str, figures: Figures) -> None:
    """By what stands in it, whatever its name is. Input includes what a cache read or wrote."""
    assert read(tmp_path, text) == DayExport(range(DAY, DAY + 1), {(DAY, model): figures})


def test_rows_of_a_day_add_up(tmp_path: Path) -> None:
    """Over buckets, keys and files, which are pages of one export; an empty bucket is a day without usage."""
    first = openai_page(RESULT, RESULT, more=True)
    second = openai_page(RESULT, start=NOON + 3600, more=True)
    third = openai_page(start=NOON + 2 * 86_400)
    assert read(tmp_path, first, second, third) == DayExport(
        range(DAY, DAY + 3), {(DAY, "m-1"): Figures(9, 300, 150, 240)}
    )


def test_the_mock_providers_bill_is_by_call(tmp_path: Path) -> None:
    """A call that was made twice under one name is paid for twice; calls of others have no name."""
    call = {"input_tokens": 5, "output_tokens": 6, "cached_tokens": 1, "cache_write_tokens": 2, "reasoning_tokens": 3}
    calls = [
        call | {"client_request_id": "one", "outcome": "completed"},
        call | {"client_request_id": "two", "outcome": "cut"},
        call | {"client_request_id": "two", "outcome": "completed"},
        call | {"client_request_id": None, "outcome": "completed"},
    ]
    assert read(tmp_path, json.dumps({"requests": 4, "calls": calls})) == CallExport(
        {"one": ServedCall(5, 6, 1, 2, 3, is_whole=True), "two": ServedCall(10, 12, 2, 4, 6, is_whole=False)}, 1
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is none of those known"),
        ("a,b\n1,2\n", "is none of those known"),
        ('{"object": "page"}', "is none of those known"),
        ("[1]", "is none of those known"),
        ('{"data": [\n  {"start_time": }', r"export-0 is damaged: line 2 column 18: Expecting value"),
        (openai_page(RESULT, more=True), "is not the last page"),
        (
            openai_page(RESULT | {"input_tokens": "many"}),
            r"data\[0\]\.results\[0\]: input_tokens is 'many', which is no n",
        ),
        (openai_page(RESULT | {"output_tokens": -1}), r"output_tokens is '-1', which is no whole number from 0 on"),
        (openai_page(RESULT | {"output_tokens": 1.5}), r"output_tokens is '1.5', which is no whole number from 0 on"),
        (openai_page(RESULT | {"output_tokens": True}), r"output_tokens is 'True', which is no number"),
        (openai_page(RESULT | {"model": 7}), r"model is '7', which is no text"),
        (openai_page(RESULT | {"model": "\ud800"}), r"results\[0\]: model is .*, which is no text"),
        (openai_page(RESULT | {"model": "\x1b[2J"}), r"results\[0\]: model is .*, which is no text"),
        (
            openai_page(RESULT | {"output_tokens": 1}).replace('"output_tokens": 1', f'"output_tokens": {"9" * 5000}'),
            r"results\[0\]: output_tokens is '9+', which is no number",
        ),
        (openai_page({"amount": {"value": 1, "currency": "eur"}}), r"amount: currency is 'eur', which is not usd"),
        (openai_page({"amount": {"currency": "usd"}}), r"results\[0\]\.amount: value is missing"),
        ('{"data": [{"start_time": 1e99, "results": []}]}', r"data\[0\]: start_time is '1E\+99', which is no time"),
        ('{"data": [{"start_time": 1}]}', r"data\[0\]: results is missing"),
        ('{"data": [{}]}', r"data\[0\] has neither start_time \(OpenAI\) nor starting_at \(Anthropic\)"),
        ('{"data": [7]}', r"data\[0\] is no object"),
        ('{"data": []}', "speaks of no day"),
        (anthropic_page({"output_tokens": 1}), r"results\[0\]: usage_input_tokens_no_cache is missing"),
        (
            ANTHROPIC_USAGE + "2026-13-31,m,,,,,1,1,1,1,1,1,,\n",
            r"export-0 line 2: usage_date_utc is '2026-13-31', which is no",
        ),
        (
            ANTHROPIC_USAGE + "2026-01-31,m,,,,,1,1,1,1,1,1,,\n2026-01-31,m,,,,,x",
            r"line 3: it ends before column usage_input_",
        ),
        (ANTHROPIC_COSTS + "2026-01-31,m,,,,,,nan,token\n", r"line 2: cost_usd is 'nan', which is no number"),
        (ANTHROPIC_COSTS + "2026-01-31,m,,,,,,1,token,more\n", r"line 2: 10 columns, and the first line names 9"),
        (ANTHROPIC_COSTS + '2026-01-31,"m\n', r"line 2 is damaged: unexpected end of data"),
        (OPENAI_USAGE + f"{NOON},,,,p,3,,k,m,,d,1e400000000,5,8,2\n", r"line 2: input_tokens is '1e400000000'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    """Which line and which column, or where in the JSON; never an error of a library."""
    with pytest.raises(SetupError, match=sentence):
        read(tmp_path, text)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing, a folder, or no text."""
    with pytest.raises(SetupError, match=r"cannot read .*missing: No such file"):
        read_exports([tmp_path / "missing"])
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SetupError, match="is no text in UTF-8: byte 0"):
        read_exports([tmp_path / "bytes"])


def test_a_bill_by_calls_stands_alone(tmp_path: Path) -> None:
    """It cannot be added to one by days."""
    with pytest.raises(SetupError, match="reconciled alone"):
        read(tmp_path, '{"calls": []}', openai_page(RESULT))
