"""What a message says, and what it never says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from interhost_hookspecs import (
    CATALOGUE,
    DriftDetected,
    HealthSignal,
    Intent,
    Level,
    Notify,
    ReleaseState,
    ReleaseStatus,
    ReviewPass,
    Severity,
    Verdict,
)
from interhost_hookspecs.testing import make_intent
from interhost_interslack.wording import KEYS, LENGTH, clean, clean_line, compose_message

SECRETS = [
    "xoxb-123456-abcdef",
    "xoxc-9-live",
    "XOXP-1-2-3",
    "xoxd-abc%2Bdef%3D%3D",
    "xoxe.xoxp-1-Mi0yLT",
    "xapp-1-A0-1-deadbeef",
    "https://hooks.slack.com/services/T0/B0/abcdefgh",
    "ghp_0123456789abcdef0123456789abcdef0123",
    "github_pat_11ABCDEFG0123456789_abcdefghij",
    "sk-" + "0123456789abcdef" * 2,
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQ",
]


def test_a_message_says_what_it_is_about() -> None:
    """Severity, intent, context and file in one line; then the text, as its author broke it into lines."""
    intent = make_intent(
        Notify(text="Two gates wait.\nSee the board.", title="Release", link="https://example.org/b"),
        severity=Severity.WARN,
        artifact_path=Path("/repo/docs/plans/p.md"),
        project_dir=Path("/repo"),
    )
    assert compose_message(intent) == (
        "[warn] notify - iv-abc1 - docs/plans/p.md\n"
        "Release\nTwo gates wait.\nSee the board.\nlink: https://example.org/b"
    )


@pytest.mark.parametrize(
    ("payload", "lines"),
    [
        (
            ReleaseStatus(state=ReleaseState.FAILED, module="widgets", version="1.2.0", reason="hook\nrefused"),
            ["module: widgets", "version: 1.2.0", "state: failed", "reason: hook refused"],
        ),
        (
            ReviewPass(verdict=Verdict.RISKY, counts={"P1": 2, "P0": 1}, mode="flux-drive"),
            ["mode: flux-drive", "verdict: risky", "counts: 1 P0, 2 P1"],
        ),
        (
            HealthSignal(signal="context_pressure", level=Level.RED, value=93.5, unit="percent"),
            ["signal: context_pressure", "level: red", "value: 93.5", "unit: percent"],
        ),
        (DriftDetected(kind="doc", expected="secret plan", detail="14 commits"), ["kind: doc", "detail: 14 commits"]),
    ],
)
def test_of_a_payload_only_what_is_for_people_is_said(payload: object, lines: list[str]) -> None:
    """In a fixed order, one line each; the other keys stay where they are."""
    assert compose_message(make_intent(payload)).split("\n")[1:] == lines


def test_every_key_that_is_said_is_one_of_its_payload() -> None:
    """A name that is misspelt here would be missing in silence."""
    for name, keys in KEYS.items():
        assert set(keys) <= {one.name for one in CATALOGUE[name].__attrs_attrs__}, name  # type: ignore[attr-defined]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_redacted_wherever_they_stand(secret: str) -> None:
    """In the text, the title, the link and the context; only what surrounds it is left."""
    for intent in (
        make_intent(Notify(text=f"see {secret}")),
        make_intent(Notify(text="x", title=secret, link=secret)),
        make_intent(Notify(text="x"), context_id=f"project:{secret}"),
    ):
        text = compose_message(intent)
        assert "[redacted]" in text
        assert not any(part in text for part in (secret, *secret.split("-", 1)[1:]))


def test_a_secret_in_a_path_is_redacted() -> None:
    """A file may be called like one."""
    text = compose_message(make_intent(Notify(text="x"), artifact_path=Path("/repo/xoxb-12-ab.md")))
    assert text == "[info] notify - iv-abc1 - /repo/[redacted]\nx"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        ("curl https://me:pw0rd@example.org/x", "curl https://me:[redacted]@example.org/x"),
        ("SLACK_TOKEN=abc", "SLACK_TOKEN=[redacted]"),
        ('{"password": "abc"}', '{"password": [redacted]'),
        ("api-key: abc", "api-key: [redacted]"),
        ("xox\u200bb-12-ab", "[redacted]"),
        ("xo\x1b[1mxb-12-ab", "[redacted]"),
    ],
)
def test_secrets_are_found_by_what_names_them_too(text: str, left: str) -> None:
    """Also when something invisible stands in the middle of one."""
    assert clean(text) == left


@pytest.mark.parametrize(
    "text", ["12 tokens: fine", "the tokenizer", "task-1 = done", "risky", "ask-me-anything-at-all"]
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    """What only resembles a secret is readable."""
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("a\x00b\x07c\x7f\x85", "abc"),
        ("left\u202eright\ufeff", "leftright"),
        ("half \ud800", "half ?"),
        ("one\r\ntwo\tthree", "one\ntwo three"),
    ],
)
def test_nothing_that_acts_on_a_terminal_is_left(text: str, left: str) -> None:
    """A draft is read there."""
    assert clean(text) == left


def test_what_means_something_to_slack_is_escaped() -> None:
    """No mention of everybody, no link under a false name, no entity."""
    text = compose_message(make_intent(Notify(text="<!channel> <https://evil.example|docs> & &lt;@U1&gt;")))
    assert text.endswith("&lt;!channel&gt; &lt;https://evil.example|docs&gt; &amp; &amp;lt;@U1&amp;gt;")


@pytest.mark.parametrize("letter", ["x", "&", "<", "ü", "𝄞"])
def test_a_long_text_is_cut_and_says_so(letter: str) -> None:
    """3,000 characters at most, escapes included, none of them cut in two."""
    text = compose_message(make_intent(Notify(text=letter * 10_000)))
    assert LENGTH - 5 < len(text) <= LENGTH
    assert text.endswith("…")
    assert text.count("&") == text.count(";")


@pytest.mark.parametrize(
    "text", ["a-" * 500_000, "x" * 1_000_000, "://a:" * 200_000, "\x1b]" * 500_000, "-----BEGIN " * 90_000]
)
def test_a_huge_text_takes_no_time(text: str) -> None:
    """Nobody waits for a pattern that tries everything."""
    begin = time.monotonic()
    assert len(compose_message(make_intent(Notify(text=text)))) <= LENGTH
    assert time.monotonic() - begin < 20


def test_an_error_becomes_one_clean_line() -> None:
    """Its first line that says something."""
    assert clean_line("\n \x1b[31m❌ Error: bad xoxb-1-2\nstack") == "❌ Error: bad [redacted]"
    assert clean_line("") == ""


def test_an_unknown_intent_says_its_first_line() -> None:
    """Nothing of its payload."""
    intent: Intent[object] = make_intent({"secret": "x"})
    assert compose_message(intent) == "[info] test.intent - iv-abc1"
