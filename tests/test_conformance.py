"""``interhost interbase selftest``: our two implementations conform, and those that do not are found out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from interhost.errors import InputError, UsageError
from interhost.interbase.conformance.cases import CASES, Case, choose, read_cases
from interhost.interbase.conformance.run import GUARDS, Implementation, Outcome, run_cases
from tests.conftest import Running, Shell

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "interhost" / "interbase" / "shell" / "interbase.sh"
INTERFACE = (
    *("has_ic", "has_bd", "has_companion", "in_ecosystem", "get_bead", "in_sprint"),
    *("phase_set", "emit_event", "session_status", "plugin_cache_path", "ecosystem_root", "nudge_companion"),
)

BASH_MUTANTS = {
    "runs the program": ("ib_has_ic() { ic --version; }", ["has_ic/found"]),
    "believes in the repository": ("ib_has_bd() { type -P bd >/dev/null; }", ["has_bd/working-directory"]),
    "takes names for patterns": (
        'ib_has_companion() { compgen -G "${HOME:-}/.claude/plugins/cache/*/$1/*" >/dev/null; }',
        ["has_companion/patterns", "has_companion/home-with-brackets", "has_companion/file", "has_companion/empty"],
    ),
    "needs its argument": ("ib_has_companion() { [[ -n $1 ]]; }", ["has_companion/none", "has_companion/missing"]),
    "answers with another code": ("ib_in_sprint() { return 127; }", ["in_sprint/no-ic"]),
    "needs its variable": ("ib_get_bead() { echo $CLAVAIN_BEAD_ID; }", ["get_bead/unset", "get_bead/verbatim"]),
    "exports": ("ib_get_bead() { export CLAVAIN_SEEN=1; }", ["get_bead/empty"]),
    "asks without a bead": (
        "ib_in_sprint() { ic run current --project=. </dev/null >&/dev/null; }",
        ["in_sprint/no-bead", "in_sprint/empty-bead"],
    ),
    "gives the input away": (
        "ib_in_sprint() { [[ -n ${CLAVAIN_BEAD_ID:-} ]] && ic run current --project=. >&/dev/null; }",
        ["in_sprint/reads"],
    ),
    "passes failures on": (
        'ib_phase_set() { bd set-state "$1" "phase=$2" </dev/null >/dev/null 2>&1; }',
        ["phase_set/fails", "phase_set/no-bd", "phase_set/missing-arguments"],
    ),
    "keeps failures to itself": (
        'ib_emit_event() { ic events emit "$1" "$2" "--payload=${3:-}" </dev/null >&/dev/null || :; }',
        ["emit_event/fails", "emit_event/default-payload", "emit_event/released-kernel"],
    ),
    "prints where the hook answers": (
        'ib_session_status() { echo "[interverse] beads=not-detected | ic=not-detected"; }',
        ["session_status/nothing"],
    ),
    "compares versions as text": (
        'ib_plugin_cache_path() { printf "%s\\n" ~/.claude/plugins/cache/*/"$1"/* | sort | tail -n 1; }',
        ["plugin_cache_path/numbers", "plugin_cache_path/release", "plugin_cache_path/missing"],
    ),
    "looks no further up": (
        "ib_ecosystem_root() { [[ ! -e sdk/interbase ]] || pwd; }",
        ["ecosystem_root/above", "ecosystem_root/file", "ecosystem_root/variable"],
    ),
    "nags": (
        'ib_nudge_companion() { echo "[interverse] Tip: run /plugin install $1 for $2." >&2; }',
        [
            *("nudge_companion/once", "nudge_companion/budget", "nudge_companion/dismissed"),
            *("nudge_companion/installed", "nudge_companion/parallel", "nudge_companion/first"),
        ],
    ),
    "looks, and then writes": (
        """ib_nudge_companion() {
          local dir=$HOME/.config/interverse
          mkdir -p "$dir"
          if [[ ! -e $dir/seen ]]; then
            sleep 0.1
            echo "[interverse] Tip: run /plugin install $1 for $2." >&2
            : >"$dir/seen"
          fi
        }""",
        ["nudge_companion/parallel"],
    ),
    "runs what it reads": (
        'ib_nudge_companion() { eval "echo $(<~/.config/interverse/nudge-state.json)" >/dev/null 2>&1 || :; }',
        ["nudge_companion/damaged-code"],
    ),
    "is not complete": ("unset -f ib_get_bead; ib_get_bead() { :; }; unset -f ib_has_bd", ["has_bd/found"]),
}

PYTHON_MUTANTS = {
    "raises": ("def has_companion(name): return '/' not in name and False", ["has_companion/none"]),
    "answers with something like it": ("def has_ic(): return None", ["has_ic/missing"]),
    "writes the environment": (
        "import os\ndef get_bead(): return os.environ.setdefault('CLAVAIN_BEAD_ID', '')",
        ["get_bead/unset"],
    ),
    "prints": ("def in_ecosystem(): print('no'); return False", ["in_ecosystem/missing"]),
    "exits": ("import sys\ndef phase_set(*a): sys.exit(0)", ["phase_set/no-bd"]),
    "dies": ("import os\ndef phase_set(*a): os._exit(0)", ["phase_set/no-bd"]),
    "reads the input": ("import sys\ndef get_bead(): sys.stdin.read(); return ''", ["get_bead/unset"]),
    "compares versions as text": (
        """import glob, os
def plugin_cache_path(plugin):
    return max(glob.glob(os.path.expanduser(f"~/.claude/plugins/cache/*/{plugin}/*")), default="")
""",
        ["plugin_cache_path/numbers", "plugin_cache_path/folders", "plugin_cache_path/patterns"],
    ),
    "nags": (
        """import sys
def nudge_companion(companion, benefit, plugin="unknown"):
    print(f"[interverse] Tip: run /plugin install {companion} for {benefit}.", file=sys.stderr)
""",
        ["nudge_companion/once", "nudge_companion/budget", "nudge_companion/parallel", "nudge_companion/off"],
    ),
    "writes what is not JSON": (
        """import json
class ToolError(ToolError):
    def json(self):
        return json.dumps({"type": self.type, "message": self.message, "data": self.data})
""",
        ["tool_error/not-json", "tool_error/conflict", "tool_error/recoverable"],
    ),
    "forgets what is transient": (
        """class ToolError(ToolError):
    def __init__(self, err_type, message, **data):
        super().__init__(err_type, message, **data)
        self.recoverable = False
""",
        ["tool_error/transient"],
    ),
    "looks at causes only": (
        """class ToolError(ToolError):
    @classmethod
    def from_error(cls, error):
        while error is not None and not hasattr(error, "recoverable"):
            error = error.__cause__
        return error
""",
        ["from_error/context"],
    ),
    "forgets who it watches": (
        """class McpMetrics:
    def instrument(self, name=None, handler=None):
        def watched(*a):
            try:
                return (handler or name)(*a)
            except ValueError as error:
                raise ToolError("INTERNAL", str(error))
        return watched
""",
        ["instrument/raises", "instrument/returns"],
    ),
}

WAITS = {
    "mutant.sh": f"""source '{LIBRARY}'
ib_in_sprint() {{ [[ -n ${{CLAVAIN_BEAD_ID:-}} ]] && out=$(ic run current --project=. </dev/null 2>&1); }}
""",
    "mutant.py": """import os, subprocess
def in_sprint():
    argv = ["ic", "run", "current", "--project=."]
    return "CLAVAIN_BEAD_ID" in os.environ and not subprocess.run(argv, capture_output=True, stdin=-3).returncode
""",
}


@pytest.fixture(scope="module", autouse=True)
def selftest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, Running]]:
    """Our own two are tested while everything else here is: they have to wait for programs that hang."""
    shell = Shell(tmp_path_factory.mktemp("ours"))
    yield shell, shell.start("interhost", "interbase", "selftest", env={"PATH": os.environ["PATH"]})
    shell.close()


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """All of them."""
    return read_cases()


def names_of(outcomes: list[Outcome], result: str) -> set[str]:
    """Names of the cases that ended so."""
    return {one.case.name for one in outcomes if one.result == result}


# The cases -----------------------------------------------------------------------------------------------------------


def test_every_function_is_covered_in_every_language(cases: list[Case]) -> None:
    """Twelve functions in two languages, each with several cases; errors and metrics in Python."""
    for function in INTERFACE:
        for language in ("bash", "python"):
            mine = [case for case in cases if case.name.startswith(f"{function}/") and language in case.only]
            assert len(mine) >= (1 if function == "in_ecosystem" else 3), f"{function} in {language}"
    others = {case.name.partition("/")[0] for case in cases if case.only == ("python",)} - set(INTERFACE)
    assert others == {"tool_error", "from_error", "wrap", "instrument"}


def test_every_case_is_about_what_it_is_named_for(cases: list[Case]) -> None:
    """The last call is of the function in its name, and each has a sentence that says what is promised."""
    for case in cases:
        assert case.name.partition("/")[0] == case.steps[-1].call
        assert len(case.says) > 10
    # A promise of the specification can be told from what only we promise.
    assert {case.beyond for case in cases} == {True, False}


def test_cases_are_plain_json_where_others_find_them(cases: list[Case]) -> None:
    """``tests/conformance`` is the folder that is installed: one place, strict JSON, no machine's own words."""
    folder = ROOT / "tests" / "conformance"
    assert folder.resolve() == CASES.resolve()
    count = 0
    for path in folder.glob("*.json"):
        document = json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)
        assert document["interface"] == "2.0.0"
        count += len(document["cases"])
    assert count == len(cases) > 100


def test_every_field_of_a_case_is_documented(cases: list[Case]) -> None:
    """Whoever writes a runner in another language finds each word that the files use."""
    text = (ROOT / "docs" / "conformance.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    used: set[str] = set()
    for path in CASES.glob("*.json"):
        for case in json.loads(path.read_bytes())["cases"]:
            given = case.get("given", {})
            used |= {*case, *given, *(key for step in case["steps"] for key in step)}
            used |= {key for program in given.get("programs", {}).values() for key in program}
            contents = [*given.get("files", {}).values(), *case.get("files", {}).values()]
            used |= {key for content in contents if isinstance(content, dict) for key in content}
    assert used - documented == set()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not a file of cases"),
        ("[]", "not a file of cases"),
        ('{"interface": "1.0.0", "cases": []}', "made for interface 1.0.0"),
        ('{"interface": "2.0.0", "cases": [{"name": "a/b", "says": "c"}]}', "steps"),
        (
            '{"interface": "2.0.0", "cases": [{"name": "a", "says": "c", "steps": [{"call": "a", "anwser": 1}]}]}',
            "anwser",
        ),
        ('{"interface": "2.0.0", "cases": [{"name": "a", "says": "c", "steps": [], "given": {"path": 1}}]}', "path"),
        (
            '{"interface": "2.0.0", "cases": [%s, %s]}' % (2 * ('{"name": "a", "says": "", "steps": []}',)),
            "two cases 'a'",
        ),
    ],
)
def test_a_slip_in_a_case_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    """A misspelt expectation would expect nothing."""
    (tmp_path / "slip.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_cases(tmp_path)


def test_choosing_a_case_that_is_not_there_is_told(cases: list[Case]) -> None:
    """And what was probably meant; no pattern means all."""
    assert choose(cases, []) == cases
    assert [case.name for case in choose(cases, ["get_bead/s*"])] == ["get_bead/set"]
    with pytest.raises(UsageError, match="did you mean get_bead/set"):
        choose(cases, ["get_bead/sett"])


# Implementations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BASH_MUTANTS)
def test_a_broken_shell_library_is_found_out(tmp_path: Path, cases: list[Case], name: str) -> None:
    """Each mutant fails exactly the cases that are made for its fault, of those that it is given."""
    body, expected = BASH_MUTANTS[name]
    mutant = tmp_path / "mutant.sh"
    mutant.write_text(f"source '{LIBRARY}'\n{body}\n")
    outcomes = list(run_cases(choose(cases, expected), [Implementation("bash", str(mutant))]))
    assert names_of(outcomes, "fail") == set(expected)
    assert all(one.why for one in outcomes)


@pytest.mark.parametrize("name", PYTHON_MUTANTS)
def test_a_broken_module_is_found_out(
    tmp_path: Path, cases: list[Case], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for the shell; whatever it does, the runner goes on."""
    body, expected = PYTHON_MUTANTS[name]
    (tmp_path / "mutant.py").write_text(f"from interhost.interbase import *\n{body}\n")
    monkeypatch.syspath_prepend(tmp_path)
    outcomes = list(run_cases(choose(cases, expected), [Implementation("python", "mutant")]))
    assert names_of(outcomes, "fail") == set(expected)
    assert all(one.why for one in outcomes)


def test_one_that_waits_is_found_out(tmp_path: Path, cases: list[Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """For a program that hangs, and for the child of one that is done; in both languages at once."""
    for name, body in WAITS.items():
        (tmp_path / name).write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    mutants = [Implementation("bash", str(tmp_path / "mutant.sh")), Implementation("python", "mutant")]
    outcomes = list(run_cases(choose(cases, ["in_sprint/hangs", "in_sprint/leaves-a-child"]), mutants))
    assert [(one.result, one.why) for one in outcomes] == [("fail", "no answer within 2 s")] * 4


def test_a_failure_is_told_case_by_case(shell: Shell) -> None:
    """The command ends with 1; the table says which case, and standard error what was seen instead."""
    (shell.project / "mutant.py").write_text("")  # is found where one stands
    mutant = shell.project / "mutant.sh"
    mutant.write_text(f"source '{LIBRARY}'\nib_get_bead() {{ echo bead; }}\n")
    given = ["--bash", "mutant.sh", "--case", "get_bead/*", "--case", "in_ecosystem/missing"]
    done = shell.run("interhost", "interbase", "selftest", *given, "--table", code=1)
    rows = {line.split()[0]: line.split()[1] for line in done.out.splitlines()}
    assert rows["get_bead/unset"] == "FAIL"
    assert rows["in_ecosystem/missing"] == "-"
    assert "get_bead/unset: bash mutant.sh: answered 'bead', expected ''" in done.err
    assert "4 failed, 1 not for that language" in done.err
    records = shell.run("interhost", "interbase", "selftest", *given, code=1).records
    assert [record["result"] for record in records] == ["skip", "fail", "fail", "fail", "fail"]
    assert records[1]["why"] == "answered 'bead', expected 'iv-1'"
    given = ["--python", "mutant", "--case", "get_bead/set"]
    [record] = shell.run("interhost", "interbase", "selftest", *given, code=1).records
    assert (record["result"], "no attribute 'get_bead'" in record["why"]) == ("fail", True)


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (("--bash", "nowhere.sh"), 65, "nowhere.sh: no such file"),
        (("--bash", "broken.sh"), 65, "error trap"),
        (("--python", "no_such_module"), 65, "No module named 'no_such_module'"),
        (("--case", "has_ix/*"), 64, "did you mean"),
        (("--bash",), 64, "expected one argument"),
    ],
)
def test_what_cannot_be_tested_is_told_at_once(shell: Shell, given: tuple[str, ...], code: int, words: str) -> None:
    """Rather than a hundred times."""
    (shell.project / "broken.sh").write_text("false\n")
    assert words in shell.run("interhost", "interbase", "selftest", *given, code=code).err


def test_guards_are_the_functions_that_say_yes_or_no(cases: list[Case]) -> None:
    """The runner asks for a truth value where the cases expect one."""
    asked = {step.call for case in cases for step in case.steps if step.answer and isinstance(step.answer[0], bool)}
    assert asked == set(GUARDS)


def test_our_own_two_conform(selftest: tuple[Shell, Running]) -> None:
    """Every case passes in both languages, run as a user runs them; each record says what was tested."""
    shell, running = selftest
    done = running.end()
    assert done.code == 0, [record for record in done.records if record["result"] == "fail"]
    assert {record["result"] for record in done.records} == {"pass", "skip"}
    assert {(record["language"], Path(record["implementation"]).name) for record in done.records} == {
        ("bash", "interbase.sh"),
        ("python", "interhost.interbase"),
    }
    assert len(done.records) == 2 * len(read_cases())
    assert re.search(r"^\d+ passed, 0 failed", done.err)
    assert list((shell.base / "tmp").iterdir()) == []
