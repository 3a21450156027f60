"""ToolError: what a model gets when a tool fails, whatever it failed with."""

from __future__ import annotations

import copy
import enum
import json
import math
import pickle
import threading
from collections import OrderedDict
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interhost.interbase import (
    ERR_CONFLICT,
    ERR_INTERNAL,
    ERR_NOT_FOUND,
    ERR_PERMISSION,
    ERR_TRANSIENT,
    ERR_VALIDATION,
    ToolError,
)

TYPES = (ERR_NOT_FOUND, ERR_CONFLICT, ERR_VALIDATION, ERR_PERMISSION, ERR_TRANSIENT, ERR_INTERNAL)


def test_the_wire_format_is_that_of_the_specification() -> None:
    """Compact JSON with four keys, in this order."""
    error = ToolError("NOT_FOUND", "agent 'fd-safety' not registered")
    wanted = '{"type":"NOT_FOUND","message":"agent \'fd-safety\' not registered","recoverable":false,"data":{}}'
    assert error.json() == wanted
    assert str(error) == "[NOT_FOUND] agent 'fd-safety' not registered"
    assert (error.type, error.message, error.recoverable, error.data) == ("NOT_FOUND", error.message, False, {})


@pytest.mark.parametrize("kind", TYPES)
def test_only_a_transient_error_is_recoverable_by_itself(kind: str) -> None:
    """Six types, and their defaults."""
    assert ToolError(kind, "x").recoverable is (kind == "TRANSIENT")


def test_an_unknown_type_is_internal_and_still_told() -> None:
    """A mistake in raising an error must not hide the error."""
    error = ToolError("OOPS", "x", a=1)
    assert (error.type, error.data) == ("INTERNAL", {"stated_type": "OOPS", "a": 1})
    assert json.loads(ToolError(None, None).json())["message"] == "None"  # type: ignore[arg-type]


def test_changes_can_be_chained() -> None:
    """Each answers with the error itself; data is added to, and what was given stays as it is."""
    given_data = {"a": 1}
    error = ToolError("CONFLICT", "held", **given_data)
    assert error.with_recoverable(True).with_data(b=2, self=3) is error
    assert (error.recoverable, error.data) == (True, {"a": 1, "b": 2, "self": 3})
    assert given_data == {"a": 1}
    assert ToolError("TRANSIENT", "x").with_recoverable(False).recoverable is False


class Rude:
    """An object that can neither be shown nor looked at."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("no")


class Level(enum.IntEnum):
    HIGH = 3


def test_json_is_valid_whatever_the_data_holds() -> None:
    """Numbers that JSON lacks, circles, bottomless depths, half characters, bytes, objects that raise."""
    circle: dict[str, object] = {}
    circle["me"] = circle
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    data: dict[str, object] = {
        "nan": math.nan,
        "inf": [math.inf, -math.inf],
        "circle": circle,
        "deep": deep,
        "half": "a\ud800b",
        "bytes": b"\xff",
        "set": {1},
        "tuple": (1, 2),
        "path": Path("/x"),
        "rude": Rude(),
        "huge": 10**6000,
        "level": Level.HIGH,
        "keys": {None: 1, 2: 2, ("a",): 3, "\udcff": 4},
        "map": MappingProxyType({"a": OrderedDict(b=1)}),
        "lock": threading.Lock(),
    }
    error = ToolError("INTERNAL", "half \ud800", **data)
    text = error.json()
    text.encode("utf-8")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    parsed = json.loads(text, parse_constant=refuse)
    assert list(parsed) == ["type", "message", "recoverable", "data"]
    found = parsed["data"]
    assert (found["nan"], found["inf"], found["half"]) == ("nan", ["inf", "-inf"], "a?b")
    assert (found["set"], found["tuple"], found["path"], found["level"]) == ([1], [1, 2], "/x", 3)
    assert found["keys"] == {"None": 1, "2": 2, "('a',)": 3, "?": 4}
    assert (found["map"], found["rude"]) == ({"a": {"b": 1}}, "<Rude>")
    assert found["huge"].startswith("0x")
    assert set(found) == set(data)
    assert str(error) == "[INTERNAL] half ?"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
            max_leaves=20,
        ),
    )
)
def test_any_data_becomes_valid_json(data: dict[str, object]) -> None:
    """What JSON has arrives unchanged where it was valid; the rest arrives as something."""
    error = ToolError("INTERNAL", "x").with_data(**data)
    parsed = json.loads(error.json())["data"]
    for key, value in data.items():
        if isinstance(value, str) and value.isascii() and key.isascii():
            assert parsed[key] == value


def test_copies_carry_everything_and_share_no_data() -> None:
    """Shallow, deep, and through a pickle of each protocol."""
    error = ToolError("CONFLICT", "held", by=["a"]).with_recoverable(True)
    error.add_note("seen twice")
    copies = [copy.copy(error), copy.deepcopy(error)]
    copies += [pickle.loads(pickle.dumps(error, number)) for number in range(pickle.HIGHEST_PROTOCOL + 1)]  # noqa: S301
    for one in copies:
        assert type(one) is ToolError
        assert (one.json(), str(one), one.args, one.__notes__) == (error.json(), str(error), error.args, ["seen twice"])
        one.with_data(more=1)
    assert error.data == {"by": ["a"]}


class BusyError(ToolError):
    """A subclass whose constructor takes something else."""

    def __init__(self, holder: str) -> None:
        super().__init__("CONFLICT", f"held by {holder}", holder=holder)
        self.holder = holder


def test_subclasses_are_copied_as_what_they_are() -> None:
    """Although their constructors take other arguments."""
    one = pickle.loads(pickle.dumps(BusyError("me")))  # noqa: S301
    assert type(one) is BusyError
    assert (one.holder, one.json()) == ("me", BusyError("me").json())


# Finding one ---------------------------------------------------------------------------------------------------------


def failing(error: BaseException, before: BaseException | None, *, explicit: bool) -> None:
    """Raise an exception, from or while handling the one before."""
    if before is None:
        raise error
    if explicit:
        raise error from before
    try:
        failing(before, None, explicit=False)
    except BaseException:
        raise error  # noqa: B904


def raised(*errors: BaseException, explicit: bool) -> BaseException:
    """The last of some exceptions, each raised from or while handling the one before."""
    last: BaseException | None = None
    for error in errors:
        with pytest.raises(type(error)) as caught:
            failing(error, last, explicit=explicit)
        last = caught.value
    assert last is not None
    return last


@pytest.mark.parametrize("explicit", [True, False])
def test_one_is_found_through_causes_and_contexts(explicit: bool) -> None:
    """However many exceptions lie around it; the outermost one counts."""
    inner, outer = ToolError("NOT_FOUND", "inner"), ToolError("CONFLICT", "outer")
    assert ToolError.from_error(inner) is inner
    assert ToolError.from_error(raised(inner, KeyError("a"), OSError("b"), explicit=explicit)) is inner
    assert ToolError.from_error(raised(inner, KeyError("a"), outer, OSError("b"), explicit=explicit)) is outer
    assert ToolError.wrap(raised(inner, OSError("b"), explicit=explicit)) is inner


def test_what_was_hidden_stays_hidden() -> None:
    """``from None`` says that what came before is nobody's business."""

    def hide() -> None:
        try:
            failing(ToolError("NOT_FOUND", "secret"), None, explicit=False)
        except ToolError:
            raise OSError("all you get") from None

    with pytest.raises(OSError, match="all you get") as caught:
        hide()
    assert ToolError.from_error(caught.value) is None


def test_groups_are_searched_and_circles_end() -> None:
    """An exception may stand in a group, or be its own cause."""
    found = ToolError("CONFLICT", "x")
    assert ToolError.from_error(ExceptionGroup("many", [OSError(), ExceptionGroup("more", [found])])) is found
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert ToolError.from_error(first) is None
    assert ToolError.from_error(None) is None


def test_anything_can_be_wrapped() -> None:
    """An exception without one becomes INTERNAL, says the same, and is kept as the cause."""
    cause = OSError("disk full")
    error = ToolError.wrap(cause)
    assert (error.type, error.message, error.recoverable, error.__cause__) == ("INTERNAL", "disk full", False, cause)
    assert ToolError.wrap(KeyError()).message == "KeyError"
    assert ToolError.wrap(None).type == "INTERNAL"

    class RudeError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert ToolError.wrap(RudeError()).message == "<RudeError>"
