"""Fuzzes each target for a while and says how many inputs it saw: `make fuzz`.

What breaks a target is told with its traceback and kept below `.cache/fuzz/found`; so are inputs that reach new code,
below `.cache/fuzz/NAME`, from which the next run goes on.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["main"]

_ROOT = Path(__file__).parents[2]
_KEPT = _ROOT / ".cache/fuzz"
_LONGEST_SECONDS = 10  # for one input; a longer one counts as found
_INPUTS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def main() -> int:
    """Runs the targets one after another; 1 when one of them broke."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Fuzzes what reads a provider's bytes.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("fuzzing needs atheris: pip install -e '.[dev,fuzz]' (Linux and macOS)", file=sys.stderr)
        return 2
    if arguments.inside:
        _fuzz(*arguments.targets, seconds=arguments.seconds)
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 a fuzzing process imports them under instrumentation

    unknown = set(arguments.targets) - TARGETS.keys()
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    broken = [name for name in arguments.targets or TARGETS if not _run(name, arguments.seconds)]
    return 1 if broken else 0


def _run(name: str, seconds: int) -> bool:
    """Fuzzes in a process of its own: libFuzzer ends the process that it runs in."""
    command = [sys.executable, "-m", "tests.fuzz.run", name, "--inside", "--seconds", str(seconds)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, errors="replace", check=False)
    inputs = _INPUTS.search(done.stderr)
    counted = f"{int(inputs[1]):,} inputs" if inputs else "inputs not counted"
    print(f"{name:<20} {counted:>22}   {'nothing found' if done.returncode == 0 else 'FOUND'}", flush=True)
    if done.returncode != 0:
        print(done.stdout + done.stderr[-4000:], flush=True)
    return done.returncode == 0


def _fuzz(name: str, *, seconds: int) -> None:
    import atheris  # noqa: PLC0415 an extra

    with atheris.instrument_imports(include=["streamproc.providers"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 after the instrumentation

    target = TARGETS[name]
    corpus, found = _KEPT / name, _KEPT / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number:04}").write_bytes(seed)
    words = _KEPT / f"{name}.words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), "ascii")
    atheris.Setup(
        [
            name,
            str(corpus),
            f"-dict={words}",
            f"-artifact_prefix={found}/{name}-",
            f"-max_total_time={seconds}",
            f"-max_len={target.longest}",
            f"-timeout={_LONGEST_SECONDS}",
            "-print_final_stats=1",
        ],
        target.check,
    )
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    """As libFuzzer wants the words of a dictionary."""
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
