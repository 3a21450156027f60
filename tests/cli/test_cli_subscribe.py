"""``interbus subscribe``: facts as they come, or what is new."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell


def _texts(shell: Shell, *arguments: str, code: int = 0) -> list[str]:
    return [one["payload"]["text"] for one in shell.run("interbus", "subscribe", *arguments, code=code).records]


def _say(shell: Shell, *texts: str) -> list[str]:
    """Publish; the ids."""
    return [shell.publish("notify", f'{{"text": "{text}"}}')["event_id"] for text in texts]


def test_a_watcher_sees_what_another_process_publishes(shell: Shell) -> None:
    """--watch begins at the end and prints each matching fact as one line, soon after it was published."""
    _say(shell, "before")
    watch = shell.start("interbus", "subscribe", "noti*", "--watch")
    shell.until(lambda: "watching for noti*" in watch.done.err)
    shell.publish("review_pass", '{"verdict": null, "counts": {}}')
    for text in ("one", "two"):
        _say(shell, text)
        shell.until(lambda: text in watch.done.out, seconds=5.0)  # noqa: B023 - called at once
    done = watch.end(signal.SIGTERM)
    assert [one["payload"]["text"] for one in done.records] == ["one", "two"]


def test_a_watcher_sees_what_a_shell_leaves_in_the_spool(shell: Shell) -> None:
    """A file wakes it as a publish does, and is taken in: nobody else may be there to do that."""
    watch = shell.start("interbus", "subscribe", "*", "--watch")
    shell.until(lambda: "watching" in watch.done.err)
    new = shell.root / "spool" / "new"
    for number in range(2):
        (new / f"01ARZ3NDEKTSV4RRFFQ69G5FA{number}").write_text(
            f'{{"intent": "notify@1.0", "context_id": "wid-1"}}\n{{"text": "spooled {number}"}}\n'
        )
        shell.until(lambda: f"spooled {number}" in watch.done.out)  # noqa: B023 - called at once
    done = watch.end(signal.SIGTERM)
    assert [one["payload"]["text"] for one in done.records] == ["spooled 0", "spooled 1"]
    assert list(new.iterdir()) == []


def test_a_watcher_can_begin_in_the_past(shell: Shell) -> None:
    """--watch --from start prints what is there, then goes on."""
    _say(shell, "old")
    watch = shell.start("interbus", "subscribe", "notify", "--watch", "--from", "start", "--table")
    shell.until(lambda: "old" in watch.done.out)
    _say(shell, "new")
    shell.until(lambda: "new" in watch.done.out)
    assert watch.end(signal.SIGTERM).out.count("\n") == 2


def test_a_module_is_told_everything_once(shell: Shell) -> None:
    """--module begins at the end, then remembers its place across processes, also past what it does not want."""
    _say(shell, "before")
    assert _texts(shell, "notify", "--module", "mine", code=1) == []
    _say(shell, "one")
    shell.publish("review_pass", '{"verdict": null, "counts": {}}')
    _say(shell, "two")
    assert _texts(shell, "notify", "--module", "mine") == ["one", "two"]
    assert _texts(shell, "notify", "--module", "mine", code=1) == []
    assert _texts(shell, "notify", "--module", "other", code=1) == []
    _say(shell, "three")
    assert _texts(shell, "notify", "--module", "mine") == ["three"]
    assert _texts(shell, "notify", "--module", "other") == ["three"]


def test_a_module_can_go_back(shell: Shell) -> None:
    """--from is stronger than the remembered place, and moves it."""
    _say(shell, "one", "two")
    assert _texts(shell, "notify", "--module", "mine", code=1) == []
    assert _texts(shell, "notify", "--module", "mine", "--from", "1") == ["two"]
    assert _texts(shell, "notify", "--module", "mine", code=1) == []


def test_a_watching_module_goes_on_where_it_left_off(shell: Shell) -> None:
    """What came while nobody watched is printed first."""
    watch = shell.start("interbus", "subscribe", "notify", "--module", "mine", "--watch")
    shell.until(lambda: "watching" in watch.done.err)
    _say(shell, "one")
    shell.until(lambda: "one" in watch.done.out)
    shell.until(lambda: _cursor(shell) == "1")
    watch.end(signal.SIGINT)
    _say(shell, "two")
    assert _texts(shell, "notify", "--module", "mine") == ["two"]


def _cursor(shell: Shell) -> str | None:
    with shell.bus() as bus:
        return bus.store.cursor("interbus subscribe", "mine")


def test_every_form_of_a_position(shell: Shell) -> None:
    """start, end, a sequence number, an event id in either case, a time, how long ago: each says where to begin."""
    ids = _say(shell, "one", "two")
    assert _texts(shell, "notify") == ["one", "two"]
    assert _texts(shell, "notify", "--from", "start") == ["one", "two"]
    assert _texts(shell, "notify", "--from", "end", code=1) == []
    assert _texts(shell, "notify", "--from", "1") == ["two"]
    assert _texts(shell, "notify", "--from", ids[0]) == ["two"]
    assert _texts(shell, "notify", "--from", ids[0].lower()) == ["two"]
    assert _texts(shell, "notify", "--from", "1h") == ["one", "two"]
    assert _texts(shell, "notify", "--from", "2001-01-01") == ["one", "two"]
    assert _texts(shell, "notify", "--from", "2999-01-01T00:00:00Z", code=1) == []
    assert _texts(shell, "notify", "--from", "9" * 30, code=1) == []


@pytest.mark.parametrize(
    ("position", "code", "said"),
    [
        ("yesterday", 64, "position 'yesterday': expected start, end, a sequence number, an event id"),
        ("-1", 64, "position '-1'"),
        ("01K9ZQ3V9T6J1W0E4T5N8R2X7C", 65, "not in the log"),
    ],
)
def test_a_position_that_is_none_is_named(shell: Shell, position: str, code: int, said: str) -> None:
    """What is no position says what one looks like."""
    assert said in shell.run("interbus", "subscribe", "*", "--from", position, code=code).err


def test_globs_and_versions_choose(shell: Shell) -> None:
    """A name, a name with version, and a glob over both."""
    _say(shell, "one")
    shell.publish("notify@2.0", '{"text": "two"}', "--allow-unknown")
    shell.publish("nothing@1.0", '{"text": "three"}', "--allow-unknown")
    assert _texts(shell, "notify") == ["one", "two"]
    assert _texts(shell, "notify@1.0") == ["one"]
    assert _texts(shell, "no*") == ["one", "two", "three"]
    assert _texts(shell, "*@2.*") == ["two"]
    assert _texts(shell, "*") == ["one", "two", "three"]


def test_a_mistyped_intent_is_guessed(shell: Shell) -> None:
    """Nothing found is 1; a name that no catalogue has gets the nearest one that it does."""
    done = shell.run("interbus", "subscribe", "notifi", code=1)
    assert done.out == ""
    assert "nothing on the bus matches" in done.err
    assert "did you mean notify?" in done.err
    assert "did you mean" not in shell.run("interbus", "subscribe", "notify", code=1).err
    assert "did you mean notify?" in shell.run("interbus", "replay", "--intent", "notifi", code=1).err
