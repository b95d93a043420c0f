"""Commands and flags that the documents show: the real parsers take each of them."""

import ast
import dataclasses
import importlib
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from common import command_line
from figures.table import FIGURES

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("weights/*.md"),
        *ROOT.glob("results/*.md"),
    ]
)
PACKAGES = "image_zooms pool45_crops glimpse_rnn datasets weights studies benchmarks"
MODULES = sorted(
    path for package in PACKAGES.split() for path in (ROOT / package).rglob("*.py")
)
STAND_INS = {"N": "1", "EPOCH": "1", "…": "", "SUITE": "growth", "$seed": "0"}
"""What is read in a document's place-holders; other capitals are names of files."""

FENCED = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:^ {4}.*\n?)+", re.MULTILINE)
INLINE = re.compile(r"(`+)([^`]+)\1")
ASSIGNED = re.compile(r"""^(\w+)=(".*?"|\S+)$""")


def code_in(text):
    """Yield the lines of a document's code: of blocks, and what is within a line."""
    for pattern in (FENCED, INDENTED):
        for block in pattern.findall(text):
            yield from lines_of(block)
        text = pattern.sub("", text)
    for _, code in INLINE.findall(text):
        yield " ".join(code.split())


def lines_of(block):
    """Yield a shell block's lines, continued ones whole, its variables filled in."""
    values = {}
    for line in re.sub(r"\\\n\s*", " ", block).splitlines():
        line = re.split(r"\s#|\s{3}", line.strip())[0]  # what follows says what it is
        for name, value in values.items():
            line = re.sub(rf"\${name}\b", value, line)
        if assigned := ASSIGNED.match(line):
            values[assigned[1]] = assigned[2].strip('"')
        yield line


def commands_in(path):
    """Return a document's words of code that name a program or begin with a flag."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        text = (ast.get_docstring(ast.parse(text)) or "").replace("::\n", ":\n")
    found = []
    for line in dict.fromkeys(code_in(text)):
        try:
            words = [STAND_INS.get(word, word) for word in shlex.split(line)]
        except ValueError:  # Python, not a shell's
            continue
        words = [word for word in words if word]
        while words and ASSIGNED.match(words[0]):  # an environment's
            words = words[1:]
        if words and (words[0] in ("python", "make") or is_flag(words[0])):
            found.append(words)
        elif len(words) > 1 and is_flag(words[1]) and module_of(words[0]):
            found.append(["python", *words])
    return found


def is_flag(word):
    return re.fullmatch(r"--\w\w+(=.*)?", word) is not None


def module_of(word):
    """Return the module that a program's name stands for, or nothing."""
    if word in ("test.py", "train.py"):
        return f"glimpse_rnn.{word.removesuffix('.py')}"
    if word.endswith(".py") and "/" not in word:  # the reader's own, docs/extending.md
        return f"image_zooms.{'test' if word.endswith('test.py') else 'train'}"
    if (ROOT / word / "train.py").is_file():
        return f"{word}.train"
    if word.endswith(".py") and "/" in word:
        return word.removesuffix(".py").replace("/", ".")
    return ""


@cache
def settings_of(name):
    """Return the settings class that a module hands to ``run`` when it is started."""
    if (ROOT / name.replace(".", "/")).is_dir():
        name = f"{name}.__main__"
    module = importlib.import_module(name)
    source = Path(module.__file__).read_text("utf-8")
    handed = re.search(r"^    (?:\w+\.)?run\(main, (\w+)\)$", source, re.MULTILINE)
    assert handed, f"{name} is no program"
    return getattr(module, handed[1])


@cache
def all_settings():
    """Return the settings of every program, and of every figure."""
    programs = [
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
        for path in MODULES
        if '__name__ == "__main__"' in path.read_text("utf-8")
    ]
    classes = [settings_of(name.removesuffix(".__main__")) for name in programs]
    return dict.fromkeys([*classes, *(one.settings for one in FIGURES.values())])


@cache
def makefile():
    """Return targets and variables of the Makefile."""
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z][\w-]*)(?: [a-z][\w-]*)*:(?!=)", text, re.MULTILINE)
    return set(targets), set(re.findall(r"^([A-Z_]+) [?:]?=", text, re.MULTILINE))


def check_command(words):
    """Fail unless the program takes what a document gives it."""
    if words[0] == "make":
        check_make(words[1:])
    elif words[0] == "python" and words[1] == "-m":
        check_module(words[2], words[3:])
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file() or module_of(words[1]), words[1]
        check_module(module_of(words[1]), words[2:])
    else:
        check_flag(words)


def check_make(words):
    targets, variables = makefile()
    for word in words:
        name, is_variable, _ = word.partition("=")
        assert name in (variables if is_variable else targets), f"make {word}"


def check_module(name, words):
    if name == "pytest":
        named = [word.partition("::")[0] for word in words if word.endswith(".py")]
        assert all((ROOT / word).is_file() for word in named), words
        return
    if name == "figures":
        if not words or words[0] == "NAME":
            return
        assert words[0] in FIGURES, words[0]
        parse(FIGURES[words[0]].settings, words[1:])
        return
    if name.startswith("examples."):  # of libraries that may not be here; no flags
        assert (ROOT / f"{name.replace('.', '/')}.py").is_file() and not words
        return
    settings = settings_of(name)
    if words and "--help" not in words:
        parse(settings, words)


def check_flag(words):
    """Fail unless a program has a flag, and takes its value."""
    name = words[0].partition("=")[0].removeprefix("--")
    if name == "help":
        return
    having = [one for one in all_settings() if has_field(one, name)]
    assert having, f"no program has the flag --{name}"
    if len(words) == 1 or words[1].isupper():
        return
    refused = []
    for settings in having:
        try:
            parse(settings, words)
            return
        except AssertionError as error:
            refused.append(str(error))
    raise AssertionError("\n".join(refused))


def has_field(settings, name):
    return any(field.name == name for field in dataclasses.fields(settings))


def parse(settings, words):
    needed = [
        field
        for field in dataclasses.fields(settings)
        if field.default is field.default_factory is dataclasses.MISSING
    ]
    if needed and is_flag(words[0]):  # a flag by itself, of a program that needs more
        return
    try:
        command_line.parse(settings, list(words))
    except SystemExit as error:
        raise AssertionError(f"{settings.__module__}: {shlex.join(words)}") from error


def test_programs_and_targets_are_found():
    assert len(all_settings()) >= 15
    assert {"demo", "test", "lint", "paper"} <= makefile()[0]
    assert {"DEMO", "MODEL", "SEEDS"} <= makefile()[1]


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in (*DOCUMENTS, *MODULES)
        if path.stem != "CHANGELOG" and commands_in(path)  # which names what was
    ],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_commands_and_flags_of_documents_are_those_of_the_programs(path, monkeypatch):
    monkeypatch.setattr("common.run.config_of", lambda *_: None)  # of one's own runs
    wrong = []
    for words in commands_in(path):
        try:
            check_command(words)
        except (AssertionError, ModuleNotFoundError) as error:
            wrong.append(f"{shlex.join(words)}: {error!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line",
    [
        "python image_zooms/train.py -n 0 --epoch 3",
        "python image_zooms/tain.py -n 0",
        "python -m weights.fetched",
        "python -m figures detectors_fig9 --out FOLDER",
        "python -m figures detectors_fig6 --rums A B",
        "make results-smal",
        "make demo SED=1",
        "--descriptor_scales 0.05",
        "--counterfactual_rewards yes",
    ],
)
def test_a_command_that_there_is_not_is_found(line, tmp_path):
    (tmp_path / "a.md").write_text(f"Text.\n\n`{line}` does it.\n")
    (words,) = commands_in(tmp_path / "a.md")
    with pytest.raises((AssertionError, ModuleNotFoundError)):
        check_command(words)


@pytest.mark.parametrize(
    "path",
    [path for path in DOCUMENTS if path.stem not in ("CHANGELOG", "published_program")],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_files_that_documents_name_are_there(path):
    text = path.read_text("utf-8")
    named = re.findall(r"(?<=`)\w[\w/]*/\w+\.(?:py|toml|md)(?=`|::)", text)
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [name for name in linked if not (path.parent / name).exists()]
    assert not missing


def test_the_docstring_of_datasets_names_all_its_modules():
    text = ast.get_docstring(ast.parse((ROOT / "datasets/__init__.py").read_text()))
    there = {path.stem for path in (ROOT / "datasets").glob("*.py")} - {"__init__"}
    assert set(re.findall(r"``(\w+)``", text)) - {"drawn"} == there


NOT_OURS = {
    "ModuleNotFoundError: No module named 'keras'",
    "cannot open shared object file",
    "Illegal instruction",
}
"""Messages that troubleshooting.md quotes of Python and of the system."""

ANYTHING = "\0"
"""Stands in a message for what is filled in."""


def quoted_messages():
    """Return the messages that troubleshooting.md quotes, without those not ours."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    cells = re.findall(r"^\| (.*?) \| .* \|$", text, re.MULTILINE)
    quotes = {code for cell in cells for code in re.findall(r"`(.+?)`", cell)}
    return sorted(quote for quote in quotes - NOT_OURS if " " in quote)


@cache
def sentences_of_sources():
    """Return the words of every text in the sources that is no docstring."""
    texts = set()
    for path in sources():
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [getattr(part, "value", ANYTHING) for part in node.values]
                texts.add("".join(x if isinstance(x, str) else ANYTHING for x in parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts |= {node.value} if id(node) not in docstrings else set()
    makefile = (ROOT / "Makefile").read_text("utf-8")
    texts |= set(re.sub(r"{.*?}", ANYTHING, makefile).replace('"', "\n").splitlines())
    return [[word.rstrip(":;,") for word in text.split()] for text in texts]


def sources():
    """Return the files of the project's packages."""
    packages = [path.parent for path in ROOT.glob("*/__init__.py")]
    return [path for package in packages for path in package.rglob("*.py")]


def is_said(words):
    """Whether a text in the sources holds words, one after the other."""
    words = [word.rstrip(":;,") for word in words]
    return any(
        fits(sentence[start : start + len(words)], words)
        for sentence in sentences_of_sources()
        for start in range(len(sentence))
    )


def fits(sentence, words):
    """Whether words are a part of a text; what is filled in last may be several."""
    if sentence and sentence[-1] == ANYTHING:
        words = words[: len(sentence)]
    fixed = [one for one in sentence if ANYTHING not in one]
    return (
        len(sentence) == len(words)
        and len(fixed) > len(words) / 2
        and all(
            word == "…" or re.fullmatch(re.escape(one).replace(ANYTHING, ".+"), word)
            for one, word in zip(sentence, words, strict=True)
        )
    )


def test_the_messages_that_troubleshooting_quotes_are_said_somewhere():
    quotes = quoted_messages()
    assert len(quotes) > 25
    parts = {p for quote in quotes for p in re.split("(?:; |^)expected ", quote)}
    assert not [part for part in sorted(parts - {""}) if not is_said(part.split())]


@pytest.mark.parametrize(
    "line",
    [
        "is cut short or no training state",
        "holds 16 convolutions; expected is VGG-19",
        "columns are new; they stay empty",
    ],
)
def test_a_message_that_nobody_says_is_found(line):
    assert not is_said(line.split())


def test_the_glossary_is_in_order_and_names_what_there_is():
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    rows = re.findall(r"^\| (.*?) \| .* \| (.*?) \|$", text, re.MULTILINE)[1:]
    words = [word.lower().replace("ε", "e") for word, _ in rows]
    assert words == sorted(words) and len(words) > 50
    for name in re.findall(r"`(\w[\w.]+)`", " ".join(where for _, where in rows)):
        parts = name.split(".")
        file = ROOT.joinpath(*parts[:2]).with_suffix(".py")
        assert file.is_file(), name
        assert all(re.search(rf"\b{x}\b", file.read_text("utf-8")) for x in parts[2:])
