import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]

LONGEST = 250
LONG_FOR_A_REASON = {
    "streamproc/errors.py": "one tree with its fate table; taking it apart would hide which fates there are",
    "streamproc/observe/events.py": "all that can happen in one list, to which log, metrics and documentation are held",
    "tests/faults/test_provider_connections.py": "one table of what a connection can do to a call, read as a whole",
    "tests/unit/observe/test_logs.py": "one logger, line by line",
}

# Words that say nothing about what is in a file, with what they mostly hide behind an s.
EMPTY_WORDS = {
    word + plural for word in ("manager", "helper", "util", "common", "base", "handler") for plural in ("", "s")
}

# Each takes tens or hundreds of milliseconds to import, so they wait until a command needs them.
HEAVY = {"tiktoken", "genai_prices", "httptools", "aiokafka"}


def test_a_long_file_has_its_reason_here() -> None:
    """A file above the limit is in the list, and a file that became shorter is taken off it."""
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in _modules()}
    too_long = {name: length for name, length in lengths.items() if length > LONGEST}
    assert {name: length for name, length in too_long.items() if name not in LONG_FOR_A_REASON} == {}
    assert LONG_FOR_A_REASON.keys() - too_long.keys() == set()


def test_an_init_file_holds_only_its_docstring() -> None:
    """Code lives in named modules; the public names at the root are the one exception."""
    packages = [
        (name, path) for name, path in _modules() if path.name == "__init__.py" and name != "streamproc/__init__.py"
    ]
    assert packages
    assert [name for name, path in packages if not _is_only_a_docstring(path)] == []


def test_a_module_is_named_after_what_is_in_it() -> None:
    """No folder and no module has a name that would fit any other as well."""
    assert [
        name for name, _ in _modules() if EMPTY_WORDS & set(name.removesuffix(".py").replace("/", "_").split("_"))
    ] == []


def test_every_file_compiles() -> None:
    """Also those that no test imports; a warning of the compiler counts as an error."""
    for name, path in _modules():
        compile(path.read_text(encoding="utf-8"), name, "exec")


def test_the_help_page_does_not_wait_for_heavy_imports() -> None:
    """`streamproc --help` reads neither price lists nor Kafka's client."""
    program = (
        "import json, sys\n"
        "from streamproc.cli.main import main\n"
        "sys.argv = ['streamproc', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    print(json.dumps([end.code, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert HEAVY.intersection(modules) == set()


def test_a_worker_imports_no_engine_that_it_does_not_use() -> None:
    """A worker that is started anew has readers waiting, and most of what they wait for was its imports."""
    program = (
        "import json, sys\n"
        "import streamproc.cli.run\n"
        "from streamproc.providers.catalog import Catalog\n"
        "from streamproc.settings.provider import ProviderSettings\n"
        "Catalog({'p': ProviderSettings(models=('m',))}, now=lambda: 0.0)\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"httpx", "httpcore", "h2", "anyio"}.intersection(json.loads(done.stdout)) == set()


def test_modules_import_each_other_in_no_circle() -> None:
    """In a circle it depends on who is imported first what is there. Most tests do not import as a command does alone."""
    names = {name.removesuffix(".py").replace("/", "."): path for name, path in _modules()}
    graph = {name: set(_imported(path)) & names.keys() for name, path in names.items()}
    assert sum(map(len, graph.values())) > 1000
    TopologicalSorter(graph).prepare()


def _imported(path: Path) -> Iterator[str]:
    """Modules that this one imports when it is imported itself, and what may be one of them."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import):
            yield from (each.name for each in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module is not None:
            yield statement.module
            yield from (f"{statement.module}.{each.name}" for each in statement.names)


def _modules() -> Iterator[tuple[str, Path]]:
    """Our own Python files, each with its path from the root."""
    for folder in ("streamproc", "tests", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path


def _is_only_a_docstring(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return len(tree.body) == 1 and ast.get_docstring(tree) is not None
