"""Look at the modules' files, and deliver what is due.

Without an option it stays: a resident host, which delivers as soon as something is published. It ends after the
delivery in hand on SIGTERM or Ctrl-C, and reads the configuration again on SIGHUP.

  interhost run --once     look once, deliver everything due, end
  interhost run --drain    go on until nothing is due and no file is about to be ready; one at a time
  interhost run            stay
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from interhost.bus.bus import Bus
from interhost.bus.lock import FileLock
from interhost.bus.project import git_root
from interhost.bus.wake import Waker
from interhost.cli.opening import open_bus, read_config
from interhost.cli.output import add_format_options, note, print_json, printable, wants_table
from interhost.errors import InputError
from interhost.host.delivery import Delivered
from interhost.host.host import LOOK_AGAIN_SECONDS, Host, Pass, drain
from interhost.host.registry import list_adapters

_OBSERVE_SECONDS = 2.0
_DRAIN_SECONDS = 600.0


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="look once, deliver everything due, and end")
    how.add_argument("--drain", action="store_true", help="go on until idle, and end; quietly if another one does")
    parser.add_argument(
        "--backfill", action="store_true", help="take history from sources that are looked at for the first time"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing about deliveries")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run."""
    stop = _Signals()
    with open_bus(deadline=None) as bus, stop.installed():
        if project := git_root(Path.cwd()):
            bus.store.see_project(project)
        if args.once:
            _print_pass(args, _host(bus, args, stop).run_pass())
        elif args.drain:
            _drain(bus, args, stop)
        else:
            _stay(bus, args, stop)
    return 0


class _Signals:
    """What we were told to do; handlers only set flags, so that no delivery is cut off."""

    def __init__(self) -> None:
        self.stop = False
        self.reload = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    @property
    def pipe(self) -> int:
        """Becomes readable with every signal."""
        return self._reader

    def clear(self) -> None:
        """Forget what made the pipe readable."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 4096)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Handle SIGTERM, SIGINT and SIGHUP until the end of the block."""
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = [signal.signal(number, self._note) for number in numbers]
        wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
            os.close(self._reader)
            os.close(self._writer)

    def _note(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        else:
            self.stop = True


def _host(bus: Bus, args: argparse.Namespace, signals: _Signals) -> Host:
    return Host(bus, list_adapters(), read_config(), report=note, stopping=lambda: signals.stop, backfill=args.backfill)


def _drain(bus: Bus, args: argparse.Namespace, signals: _Signals) -> None:
    """Drain alone. What is published while the last worker is about to end must not be left lying."""
    lock = FileLock(bus.root / "drain.lock")
    while lock.try_acquire():
        host = _host(bus, args, signals)
        drain(host, deadline=_DRAIN_SECONDS, on_pass=lambda one: _print_pass(args, one))
        lock.release()
        if signals.stop or not host.has_work():
            break
    lock.close()


def _stay(bus: Bus, args: argparse.Namespace, signals: _Signals) -> None:
    host = _host(bus, args, signals)
    note(f"resident with {len(host.adapters)} adapters on {bus.root}; stop with Ctrl-C")
    look_at = 0.0
    with Waker(bus.root, signals.pipe) as waker:
        while not signals.stop:
            if signals.reload:
                signals.reload = False
                host = _reloaded(host, bus, args, signals)
            if time.monotonic() >= look_at:
                _, soon = host.observe()
                look_at = time.monotonic() + (LOOK_AGAIN_SECONDS if soon else _OBSERVE_SECONDS)
            for one in host.deliver():
                _print_delivered(args, one)
            waker.wait(min(1.0, max(0.0, look_at - time.monotonic())))
            signals.clear()
    note("stopped")


def _reloaded(host: Host, bus: Bus, args: argparse.Namespace, signals: _Signals) -> Host:
    """A host with the configuration as it is now; a broken file changes nothing."""
    try:
        host = _host(bus, args, signals)
    except InputError as error:
        note(f"configuration not taken: {error}")
    else:
        note("configuration read again")
    return host


def _print_pass(args: argparse.Namespace, one: Pass) -> None:
    for delivered in one.delivered:
        _print_delivered(args, delivered)


def _print_delivered(args: argparse.Namespace, one: Delivered) -> None:
    if args.quiet:
        return
    envelope = one.lease.stored.envelope
    if wants_table(args):
        what = f"{envelope.intent}  {envelope.context_id}  → {one.lease.consumer}  {one.outcome}: {one.reason}"
        print(printable(what), flush=True)
    else:
        print_json(
            {
                "event_id": envelope.event_id,
                "intent": envelope.intent,
                "context_id": envelope.context_id,
                "consumer": one.lease.consumer,
                "attempt": one.lease.attempt,
                "outcome": one.outcome,
                "reason": one.reason,
            }
        )
