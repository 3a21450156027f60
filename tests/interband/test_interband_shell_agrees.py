"""interband.sh gives the same answers as Python: paths, keys, retention, payloads, files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interhost.errors import StateError
from interhost.interband import protocol, store
from interhost.interband.channels import CHANNELS
from interhost.interband.paths import sideband_root
from interhost.interband.protocol import KNOWN, ProtocolError, decode, safe_key
from interhost.interband.retention import retention
from tests.interband.conftest import BEAD, HARD, Bash


def test_paths_and_keys_are_those_of_python(bash: Bash) -> None:
    """Also where a character is more than one byte, and in a locale that does not know it."""
    keys = [
        "",
        "a",
        "a b\tc\n",
        "../../x",
        "-rf",
        "*",
        "\u00e4",
        "\U0001f512x",
        "a\\b",
        "default",
        "$(id)",
        "`id`",
        "\x7f",
        "\udce2\udc82",
    ]
    script = 'for key in "$@"; do interband_safe_key "$key"; interband_path interphase bead "$key"; done'
    for locale in ("C", "C.UTF-8"):
        lines = bash.run(HARD + script, *keys, LC_ALL=locale)[0].splitlines()
        assert lines[::2] == [safe_key(key) for key in keys]
        assert lines[1::2] == [str(bash.root / f"interphase/bead/{safe_key(key)}.json") for key in keys]


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"INTERBAND_ROOT": "/a/b/"}, "/a/b"),
        ({"INTERBAND_ROOT": "", "HOME": "/h"}, "/h/.interband"),
        ({"INTERBAND_ROOT": None, "HOME": "/h/"}, "/h/.interband"),
        ({"INTERBAND_ROOT": None, "HOME": "/"}, "/.interband"),
        ({"INTERBAND_ROOT": "x"}, None),
        ({"INTERBAND_ROOT": "//"}, None),
        ({"INTERBAND_ROOT": "/../."}, None),
        ({"INTERBAND_ROOT": "~/x", "HOME": "/h"}, None),
        ({"INTERBAND_ROOT": None, "HOME": None}, None),
        ({"INTERBAND_ROOT": None, "HOME": "h"}, None),
    ],
)
def test_the_root_is_that_of_python(bash: Bash, environ: dict[str, str | None], place: str | None) -> None:
    """And never the current directory or ``/``: a call without a root prints nothing and ends with 1."""
    given = {name: value for name, value in {**bash.environ, **environ}.items() if value is not None}
    if place is None:
        with pytest.raises(StateError):
            sideband_root(given)
    else:
        assert sideband_root(given) == Path(place)
    for call, more in (("root", ""), ("channel_dir a b", "/a/b"), ("path a b c", "/a/b/c.json")):
        out, err = bash.run(f"{HARD}interband_{call}", code=0 if place else 1, **environ)
        assert out == (f"{place}{more}\n" if place else "")
        assert (err == "") is (place is not None)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "\u00e4"])
def test_names_lead_nowhere_else(bash: Bash, name: str) -> None:
    """Namespace and channel are plain names here, too."""
    for arguments in ((name, "bead"), ("interphase", name)):
        for call in ("path", "channel_dir", "prune_channel"):
            out, err = bash.run(f'interband_{call} "$@"', *arguments, code=1)
            assert out == ""
            assert "expected a plain name" in err


def test_retention_is_that_of_python(bash: Bash) -> None:
    """For every channel, and for values of every kind in every variable."""
    values = [
        "",
        "0",
        "000",
        "7",
        "08",
        "0100",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "0x10",
        " 60",
        "60\n",
        "abc",
        "9" * 18,
        "1" * 19,
        "0" * 5000 + "7",
    ]
    sets: list[dict[str, Any]] = [{"INTERBAND_RETENTION_CLAVAIN_DISPATCH_SECS": value, "INTERBAND_RETENTION_SECS": "70",
             "INTERBAND_MAX_FILES_CLAVAIN_DISPATCH": value} for value in values]  # fmt: skip
    sets += [{"INTERBAND_RETENTION_SECS": value, "INTERBAND_MAX_FILES": value} for value in values]
    sets += [{"INTERBAND_RETENTION_MY_NS_A_B_SECS": "5"}, {}]
    channels = [*((one.namespace, one.name) for one in CHANNELS), ("my-ns", "a.b"), ("x", "y")]
    script = "".join(f"interband_retention_secs {one} {two}; interband_max_files {one} {two};" for one, two in channels)
    for environ in sets:
        expected = [number for one in channels for number in retention(environ, *one)]
        assert bash.run(HARD + script, **environ)[0].split() == [str(number) for number in expected]
    defaults = script.replace("_retention", "_default_retention").replace("_max", "_default_max")
    bare = bash.run(HARD + defaults, INTERBAND_RETENTION_SECS="7", INTERBAND_MAX_FILES="7")[0].split()
    assert bare == [str(number) for one in channels for number in retention({}, *one)]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
RULED: st.SearchStrategy[Any] = st.sampled_from(
    ["planned", "Planned", "red", "", " ", "x", 0, -1, 1.5, 100, 100.0, 100.5, 99, True, None, "2026-02-17T12:00:00Z",
     "2026-02-17T12:00:00.5+00:00", "2026-02-17", "\\", '"', "\t", " \u2003", [], {}]
)  # fmt: skip


@st.composite
def payload_texts(draw: st.DrawFn) -> tuple[str, str, str]:
    """A namespace, a type and a payload's text: mostly right, in any layout, sometimes broken somewhere."""
    namespace, kind = draw(st.sampled_from([*KNOWN, ("a", "b")]))
    payload: dict[str, object] = {key: draw(RULED) for key in KNOWN.get((namespace, kind), {})}
    payload.update(draw(st.dictionaries(TEXTS, SCALARS, max_size=2)))
    text = json.dumps(
        payload,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, None, "\t", 0])),
        separators=draw(st.sampled_from([(",", ":"), (", ", " : ")])),
    )
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(text)))
        text = (
            text[:at]
            + draw(st.sampled_from([*'"\\{}[],:0-+.eE \n\t\x0b\x7fa', ""]))
            + text[at + draw(st.integers(0, 2)) :]
        )
    return namespace, kind, text


def python_accepts(namespace: str, kind: str, text: str) -> dict[str, Any] | None:
    try:
        payload = decode(text.encode())
        protocol.check_payload(namespace, kind, payload)
    except ProtocolError:
        return None
    return payload


ODD = [
    ("a", "b", text)
    for text in (
        *("", " ", "{}", " { } ", "{}x", "{} {}", "[]", "null", '{"a":01}', '{"a":-}', '{"a":.5}', '{"a":1.}'),
        *('{"a":1e2}', '{"a":+1}', '{"a":nan}', '{"a":NaN}', '{"a":true,}', "{,}", '{"a" 1}', "{'a':1}"),
        *(
            '{"a":1,"a":2}',
            '{"a":"\\u00g0"}',
            '{"a":"\\ud800"}',
            '{"a":"\\udd12\\ud83d"}',
            '{"a":"\\ud83d\\ud83d\\udd12"}',
            '{"a":"\\uD83D\\uDD12"}',
            '{"a":"\\u0000"}',
        ),
        *('{"a":"\\x"}', '{"a":"\n"}', '{"\\u0061":1,"a":2}', '{"a":-0}', '{"a":tru}', '{"a":"b"', '{"a":"b}'),
        *('{"a"}', '\ufeff{"a":1}', '{"a":1}\x0b', '{"":""}', '{"a":{}}', '{"a":[]}', '{"|":1,"a|":2}'),
        *('{"a":' + "7" * 4300 + "}", '{"a":' + "7" * 4301 + "}"),
    )
]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(payload_texts(), min_size=30, max_size=60))
@example(ODD)
def test_bash_accepts_only_what_python_accepts(
    tmp_path_factory: pytest.TempPathFactory, cases: Sequence[tuple[str, str, str]]
) -> None:
    """What bash decides by itself, it decides as Python would, and it changes no value."""
    script = """while [[ $# -gt 0 ]]; do
            if _interband_fits "$1" "$2" "$3"; then printf '%s\\0' "$_interband_flat"; else printf '\\0'; fi
            shift 3
        done"""
    out, err = Bash(tmp_path_factory.getbasetemp()).run(HARD + script, *(part for case in cases for part in case))
    assert err == ""
    for case, flat in zip(cases, out.split("\0")[:-1], strict=True):
        expected = python_accepts(*case)
        assert flat == "" or (expected is not None and decode(flat.encode()) == expected), case


def test_bash_decides_what_is_usual_by_itself(bash: Bash) -> None:
    """The property above would hold for a shell that leaves everything to Python; this one does not."""
    for namespace, kind, text in [
        ("interphase", "bead_phase", BEAD),
        ("a", "b", '{"a":"\\u00e4 \\n \\ud83d\\udd12","b":-1.5,"c":null}'),
    ]:
        bash.run('_interband_fits "$@" && [[ $_interband_flat == "$3" ]]', namespace, kind, text)


def test_bash_leaves_what_has_many_members_to_python(bash: Bash, tmp_path: Path) -> None:
    """Each costs it a look at all that follows: a thousand took bash ten times as long as Python."""
    many = json.dumps({f"key{number}": number for number in range(200)})
    bash.run('! _interband_fits a b "$1" && interband_validate_payload a b "$1"', many)
    for text in (f'{{"version":"1.0","payload":{many}}}', f'{{"version":"1.0","payload":{{}},{many[1:]}'):
        (tmp_path / "file.json").write_text(text)
        out, _ = bash.run('! _interband_load "$1" && interband_read_envelope "$1"', str(tmp_path / "file.json"))
        assert json.loads(out) == json.loads(text)


ENVELOPES = st.builds(
    lambda fields, payload, order: json.dumps(dict(sorted({**fields, "payload": payload}.items(), key=order))),
    st.fixed_dictionaries(
        {"version": st.sampled_from(["1.0.0", "1.", "1", "2.0.0", "", 1.0, None])},
        optional={"namespace": SCALARS, "type": SCALARS, "timestamp": SCALARS, "extra": SCALARS, "deep": RULED},
    ),
    st.dictionaries(TEXTS, SCALARS, max_size=3) | RULED,
    st.sampled_from([lambda item: item[0], lambda item: item[0][::-1]]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ENVELOPES, min_size=10, max_size=30), st.data())
def test_bash_reads_only_what_python_reads(
    tmp_path_factory: pytest.TempPathFactory, texts: Sequence[str], data: st.DataObject
) -> None:
    """Of a file, too: the same envelope and the same payload, or the question goes to Python."""
    base = tmp_path_factory.mktemp("read")
    files = [base / str(number) for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        cut = data.draw(st.sampled_from([len(text)] * 5 + [len(text) // 2, len(text) - 1]))
        file.write_text(text[:cut] + data.draw(st.sampled_from(["", "\n", " ", "{}", "\0", "}"])))
    script = """for file in "$@"; do
            if ! _interband_load "$file"; then _interband_found='' _interband_flat=''; fi
            printf '%s\\0%s\\0' "$_interband_found" "$_interband_flat"
        done"""
    parts = Bash(base).run(HARD + "declare -a keys values; " + script, *map(str, files))[0].split("\0")
    for file, found, flat in zip(files, parts[::2], parts[1::2], strict=False):
        if found:
            document = store.read_document(str(file))
            assert decode(found.encode()) == document
            assert decode(flat.encode()) == document["payload"]


def test_what_bash_leaves_to_python_is_read_all_the_same(bash: Bash, tmp_path: Path) -> None:
    """Nested, not ASCII, with exponents, with a byte-order mark: printed on one line of ASCII."""
    for text in ('{"n":{"deep":[1]}}', '{"s":"\u00e4"}', '{"n":1e5}', '{"n":' + "7" * 4000 + "}"):
        path = tmp_path / "file.json"
        path.write_text('{"version":"1.2","payload":' + text + "}", "utf-8-sig")
        out, _ = bash.run('interband_read_payload "$1"; interband_read_envelope "$1"', str(path))
        lines = out.splitlines()
        assert decode(lines[0].encode()) == decode(text.encode())
        assert decode(lines[1].encode()) == {"version": "1.2", "payload": decode(text.encode())}
        assert out.isascii()
