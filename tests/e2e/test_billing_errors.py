"""What the commands of `streamproc billing` say when something is wrong: one sentence, exit code 2, nothing half-written."""

import asyncio
from pathlib import Path

import pytest

from streamproc.billing.intake import Intake
from streamproc.billing.line import read_line
from streamproc.billing.opening import open_bill
from streamproc.billing.sums import Taken
from streamproc.kafka.reader import Place, Record
from streamproc.records.codec import encode_usage
from streamproc.settings.billing import BillingSettings
from tests.e2e.program import run, sentence_of
from tests.lines import a_line


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bill of one line and settings without a Kafka."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "streamproc.toml").write_text('[kafka]\nbootstrap_servers = "127.0.0.1:1"\n')
    (folder / "calls.json").write_text('{"calls": []}')

    async def fill() -> None:
        line = read_line(Record(Place("llm.usage", 0), 0, 0, None, encode_usage(a_line()), ()))
        async with open_bill(BillingSettings(store=f"sqlite:{folder / 'billing.sqlite'}"), create=True) as bill:
            await bill.put(Intake("llm.usage", {0: (None, 1)}, [Taken(0, 0, line, b"")]), 0)

    asyncio.run(fill())
    return folder


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("report", "--store", "sqlite:none.sqlite"),
            "there is no bill at none.sqlite: `streamproc billing run` makes it",
        ),
        (("report", "--store", "mysql://x"), "--store must be sqlite:PATH or postgresql://USER@HOST:PORT/DATABASE"),
        (
            ("report", "--store", "postgresql://u:secret@h/d"),
            "--store holds a password, which does not belong there: set",
        ),
        (
            ("report", "--store", "sqlite:streamproc.toml"),
            "the bill at streamproc.toml cannot be used: file is not a d",
        ),
        (("report", "--by", "colour"), "--by: 'colour' is none of tenant, model, provider, feature, user, day, hour"),
        (
            ("report", "--from", "2020-01-01", "--to", "2020-02-01"),
            "nothing is on the bill for that period; the bill hol",
        ),
        (("report", "--from", "2026-02-01", "--to", "2026-02-01"), "--from 2026-02-01 is not before --to 2026-02-01"),
        (
            ("report", "--from", "yesterday"),
            "--from: 'yesterday' is neither a day (2026-01-31) nor an hour (2026-01-31T",
        ),
        (("report", "--to", "2026-02-01T08:30"), "--to: 2026-02-01T08:30 is not a full hour in UTC"),
        (("reconcile", "none.csv", "--provider", "mock"), "cannot read none.csv: No such file or directory"),
        (("reconcile", "--provider", "mock"), "no file to reconcile with"),
        (
            ("reconcile", "calls.json", "--provider", "mokc"),
            "--provider: 'mokc' is neither in the settings nor on the bill; there are: mock",
        ),
        (
            ("verify", "--store", "postgresql://nobody@127.0.0.1:1/none"),
            "cannot reach the bill at postgresql://nobody@12",
        ),
        (("report", "--store", "postgresql://h:port/d"), "postgresql://h:port/d is no address of a bill: "),
        (
            ("run", "--store", "sqlite:no/such/folder/bill"),
            "the bill at no/such/folder/bill cannot be used: unable to o",
        ),
    ],
)
def test_a_mistake_is_one_sentence(small: Path, words: tuple[str, ...], sentence: str) -> None:
    """And exit code 2, without a traceback and without a password."""
    said = run("billing", *words, folder=small)
    assert sentence_of(said).startswith(sentence)
    assert "secret" not in said.err


def test_the_password_of_a_store_stays_out_of_the_settings_file(tmp_path: Path) -> None:
    """As every secret."""
    (tmp_path / "streamproc.toml").write_text('[billing]\nstore = "postgresql://u:geheim@h/d"\n')
    said = run("config", "check", folder=tmp_path)
    assert "billing.store: holds a password" in sentence_of(said)
    assert "geheim" not in said.err
