"""Nothing here runs what it reads: no pickle, no eval, no shell, but for what is listed here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("src", "benchmarks", "examples", "scripts", "docs")

BANNED_MODULES = {
    *("pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "jsonpickle"),
    *("commands", "pty", "telnetlib", "xmlrpc", "dbm"),
    *("tarfile", "zipfile"),  # nothing is unpacked: no bomb, and no path out of a folder
}
HARMLESS = {  # errors run nothing
    *(("pickle", "PicklingError"), ("pickle", "UnpicklingError"), ("zipfile", "BadZipFile")),
}
BANNED_CALLS = {
    *("eval", "exec", "compile", "__import__"),
    *("os.system", "os.popen", "os.startfile", "pty.spawn", "tempfile.mktemp"),
    *("subprocess.getoutput", "subprocess.getstatusoutput"),
    *("asyncio.create_subprocess_shell", "shutil.unpack_archive"),
    *("code.interact", "runpy.run_path", "runpy.run_module"),
    *("import_module", "importlib.import_module"),  # whose name?
    *("logging.config.listen", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all"),
}
BANNED_METHODS = {"read_pickle", "to_pickle", "extractall", "executescript", "unsafe_load"}
SAFE_ARGUMENTS = {"shell": False, "allow_pickle": False, "typ": "safe"}
NEEDED_ARGUMENTS = {
    "torch.load": ("weights_only", True),
    "numpy.load": ("allow_pickle", False),
    "np.load": ("allow_pickle", False),
    "YAML": ("typ", "safe"),
}

OURS = "a name from a table of this file, of danlu's own modules"
THEIRS = "the person names their own code, in a study file, on the command line or in Python"
SENT = "a function of the person's own without a name, sent to their own workers on their cluster"
MEMBER = "one member of a known archive is read in memory; nothing is unpacked"
REVIEWED = {
    ("src/danlu/executors/server.py", "os.execvpe"): "the person's own command, as a list",
    ("src/danlu/executors/server.py", "importlib.import_module"): THEIRS,
    ("src/danlu/executors/ray.py", "ray.cloudpickle"): SENT,
    ("src/danlu/executors/ray.py", "cloudpickle.dumps"): SENT,
    ("src/danlu/executors/ray.py", "cloudpickle.loads"): SENT,
    ("src/danlu/kit/sources.py", "importlib.import_module"): THEIRS,
    ("src/danlu/__init__.py", "import_module"): OURS,
    ("src/danlu/cli/app.py", "import_module"): OURS,
    ("src/danlu/engines.py", "import_module"): OURS,
    ("src/danlu/kit/__init__.py", "import_module"): OURS,
    ("src/danlu/strategies/names.py", "import_module"): OURS,
    ("examples/reference/data.py", "tarfile"): MEMBER,
    ("examples/reference/data.py", "tarfile.open"): MEMBER,
    ("benchmarks/reference.py", "importlib.import_module"): OURS,
    ("benchmarks/search.py", "importlib.import_module"): OURS,
    ("benchmarks/staging.py", "importlib.import_module"): OURS,
}
"""(file, call) → why it may stand there. Whoever adds a line has looked at what reaches it."""


def sources() -> list[Path]:
    return sorted(p for folder in SOURCES for p in (ROOT / folder).rglob("*.py"))


def unsafe(code: str) -> Iterator[tuple[int, str]]:
    """Line and name of everything in some code that is banned."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.partition(".")[0] in BANNED_MODULES:
                    yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            yield from _from_import(node)
        elif isinstance(node, ast.Call):
            yield from _call(node)


def _from_import(node: ast.ImportFrom) -> Iterator[tuple[int, str]]:
    module = (node.module or "").partition(".")[0]
    for name in node.names:
        full = f"{node.module}.{name.name}"
        theirs = module in BANNED_MODULES and (module, name.name) not in HARMLESS
        if theirs or name.name in BANNED_MODULES:  # the latter as others hand it on
            yield node.lineno, full
        alias = full != "importlib.import_module" or name.asname is not None
        if (full in BANNED_CALLS or full in NEEDED_ARGUMENTS or _executes(full)) and alias:
            yield node.lineno, full  # under another name it would not be seen


def _call(node: ast.Call) -> Iterator[tuple[int, str]]:
    called = ast.unparse(node.func)
    given = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
    *owners, method = called.split(".")
    banned = called in BANNED_CALLS or method in BANNED_METHODS or _executes(called)
    if banned or BANNED_MODULES.intersection(owners):
        yield node.lineno, called
    for keyword in node.keywords:
        name = keyword.arg or ""
        # A value that is only known when it runs could be anything.
        if name in SAFE_ARGUMENTS and given.get(name) != SAFE_ARGUMENTS[name]:
            yield node.lineno, f"{called}({name}={ast.unparse(keyword.value)})"
    if needed := NEEDED_ARGUMENTS.get(called):
        name, value = needed
        if given.get(name) != value:
            yield node.lineno, f"{called} without {name}={value!r}"


def _executes(called: str) -> bool:
    return called.startswith(("os.exec", "os.spawn", "os.posix_spawn"))


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import os, dill",
        "from pickle import loads, UnpicklingError",
        "from ray import cloudpickle",
        "ray.cloudpickle.loads(data)",
        "import pickle as p",
        "from os import system",
        "from torch import load",
        "eval('1')",
        "exec(text)",
        "os.system('ls')",
        "os.execv(a, b)",
        "subprocess.run('ls', shell=True)",
        "subprocess.run(x, shell=is_text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "YAML(typ='unsafe')",
        "YAML()",
        "pandas.read_pickle(path)",
        "tarfile.open(x).extractall()",
    ],
)
def test_what_could_run_foreign_code_is_seen(code: str) -> None:
    assert list(unsafe(code))


@pytest.mark.parametrize(
    "code",
    [
        "from pickle import UnpicklingError",
        "model.eval()",
        "re.compile('x')",
        "torch.load(path, weights_only=True)",
        "np.load(path, allow_pickle=False)",
        "subprocess.run(['ls'], shell=False)",
        "YAML(typ='safe', pure=True)",
        "network.load_state_dict(weights)",
    ],
)
def test_what_runs_nothing_foreign_is_let_through(code: str) -> None:
    assert not list(unsafe(code))


def test_nothing_here_runs_what_it_reads() -> None:
    found = {
        (str(path.relative_to(ROOT)), name): line
        for path in sources()
        for line, name in unsafe(path.read_text(encoding="utf-8"))
    }
    new = [f"{file}:{line}: {name}" for (file, name), line in found.items()
           if (file, name) not in REVIEWED]  # fmt: skip
    assert not new, "these can run foreign code; see REVIEWED in this file: " + ", ".join(new)
    assert not REVIEWED.keys() - found.keys(), "what is no longer there needs no review"


def test_the_sources_are_really_looked_at() -> None:
    assert len(sources()) > 100
