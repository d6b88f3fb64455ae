"""The provider without a network."""

import asyncio
from contextlib import aclosing

import pytest

from streamproc.chain.provider import Completed, Event, Text
from streamproc.errors import IncompleteStream, Overloaded
from streamproc.providers.scripted import Pause, Script, Scripted, Step, echo
from streamproc.records.usage import TokenCounts
from tests.unit.providers.calls import a_call


class Naps:
    """A clock's sleep that only takes notes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def saying(*steps: Step) -> Script:
    """A script of these steps."""
    return lambda _: steps


async def events_of(provider: Scripted, **fields: object) -> list[Event]:
    """All events of a call."""
    return [event async for event in provider.stream(a_call(**fields))]


async def test_echo() -> None:
    """The default script says the last message again, and counts words."""
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "one  two three"}]
    naps = Naps()
    events = await events_of(Scripted("s", echo(0.5), naps.sleep), messages=messages)
    assert events == [
        Text("one"),
        Text(" two"),
        Text(" three"),
        Completed(TokenCounts(input=5, output=3), "stop", "gpt-x"),
    ]
    assert naps.seconds == [0.5, 0.5, 0.5]


async def test_echo_in_one_piece() -> None:
    """Without streaming the text is one event."""
    content = [{"type": "text", "text": "one two"}, {"type": "text", "text": "three"}]
    events = await events_of(
        Scripted("s", echo(), Naps().sleep), messages=[{"role": "user", "content": content}], stream=False
    )
    assert events == [Text("one two three"), Completed(TokenCounts(input=3, output=3), "stop", "gpt-x")]


async def test_echo_above_the_output_limit() -> None:
    """The answer is cut and says so."""
    messages = [{"role": "user", "content": "x " * 150}]
    events = await events_of(Scripted("s", echo(), Naps().sleep), messages=messages)
    assert len(events) == 101
    assert events[-1] == Completed(TokenCounts(input=150, output=100), "length", "gpt-x")


async def test_script_that_fails() -> None:
    """An error in the script is raised at its place."""
    provider = Scripted("s", saying(Text("a"), Pause(1), Overloaded("full", provider="s")), Naps().sleep)
    stream = provider.stream(a_call())
    assert await anext(stream) == Text("a")
    with pytest.raises(Overloaded):
        await anext(stream)
    assert repr(provider) == "<Scripted s started=1 running=0>"


async def test_script_that_is_cut() -> None:
    """A script without an end is an incomplete stream; one that goes on after its end is not read on."""
    with pytest.raises(IncompleteStream):
        await events_of(Scripted("s", saying(Text("a")), Naps().sleep))
    end = Completed(None, "stop")
    assert await events_of(Scripted("s", saying(end, Text("late")), Naps().sleep)) == [end]


async def test_iterator_that_is_closed_early() -> None:
    """The call counts as running until its iterator is closed."""
    provider = Scripted("s", echo(), Naps().sleep)
    async with aclosing(provider.stream(a_call())) as stream:
        await anext(stream)
        assert provider.running == 1
    assert provider.running == 0
