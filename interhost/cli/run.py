"""Look at the modules' files, and deliver what is due.

Without an option it stays: a resident host, which delivers as soon as something is published. It ends after the
delivery in hand on SIGTERM or Ctrl-C, and reads the configuration again on SIGHUP.

  interhost run --once     look once, deliver everything due, end
  interhost run --drain    go on until nothing is due and no file is about to be ready; one at a time
  interhost run            stay
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from pathlib import Path
from typing import TextIO

from interhost.bus.bus import Bus
from interhost.bus.lock import FileLock
from interhost.bus.project import git_root
from interhost.bus.retention import prune_when_due
from interhost.bus.wake import Waker
from interhost.claude.worker import RESIDENT_LOCK, WORKER_LOCK, stamp
from interhost.cli.opening import add_adapter_options, open_bus, read_config, working_directory
from interhost.cli.output import add_format_options, claimed_stdout, note, printable, wants_table
from interhost.cli.signals import Signals
from interhost.errors import BusyError, InputError
from interhost.host.delivery import Delivered
from interhost.host.host import Host, Pass, drain
from interhost.host.registry import list_adapters
from interhost.host.resident import Lanes, Voice

_DRAIN_SECONDS = 600.0
_FLUSH_SECONDS = 1.0


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="look once, deliver everything due, and end")
    how.add_argument("--drain", action="store_true", help="go on until idle, and end; quietly if another one does")
    parser.add_argument(
        "--backfill", action="store_true", help="take history from sources that are looked at for the first time"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing about deliveries")
    parser.add_argument("--lock-fd", type=int, help=argparse.SUPPRESS)  # the worker's lock, from a hook that holds it
    add_adapter_options(parser)
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run."""
    signals, table = Signals(), wants_table(args)
    try:
        _run(args, signals, table)
    except BusyError:
        if not signals.stop:
            raise
        note("stopped, while another process holds the log")  # what was in hand is delivered again
    return 0


def _run(args: argparse.Namespace, signals: Signals, table: bool) -> None:
    # What adapters print, or the programs below them, must not get between our lines.
    with claimed_stdout() as out, signals.noted(), open_bus(None, lambda: signals.stop) as bus:
        teller = _Teller(out, table=table, quiet=args.quiet)
        # A worker stands in no directory of the user's; the session that it was started for says where it works.
        for place in (working_directory(), Path(os.environ.get("CLAUDE_PROJECT_DIR", "/"))):
            if project := git_root(place):
                bus.store.see_project(project)
        if args.once:
            teller.tell_pass(_host(bus, args, signals).run_pass())
        elif args.drain:
            _drain(bus, args, signals, teller)
        else:
            _stay(bus, args, signals, teller)
        prune_when_due(bus, read_config(args).retention)


class _Teller:
    """Prints deliveries, from whichever thread."""

    def __init__(self, out: TextIO, *, table: bool, quiet: bool) -> None:
        self._quiet = quiet
        self._table = table
        self._out = out
        self._lock = threading.Lock()

    def tell_pass(self, one: Pass) -> None:
        """Every delivery of a pass."""
        for delivered in one.delivered:
            self.tell(delivered)

    def tell(self, one: Delivered) -> None:
        """One delivery, on one line."""
        if self._quiet:
            return
        envelope = one.lease.stored.envelope
        if self._table:
            what = f"{envelope.intent}  {envelope.context_id}  → {one.lease.consumer}  {one.outcome}: {one.reason}"
            line = printable(what)
        else:
            record = {
                "event_id": envelope.event_id,
                "intent": envelope.intent,
                "context_id": envelope.context_id,
                "consumer": one.lease.consumer,
                "attempt": one.lease.attempt,
                "outcome": one.outcome,
                "reason": one.reason,
            }
            line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            print(line, file=self._out, flush=True)


def _host(bus: Bus, args: argparse.Namespace, signals: Signals) -> Host:
    return Host(
        bus, list_adapters(), read_config(args), report=note, stopping=lambda: signals.stop, backfill=args.backfill
    )


def _drain(bus: Bus, args: argparse.Namespace, signals: Signals, teller: _Teller) -> None:
    """Drain alone. What is published while the last worker is about to end must not be left lying."""
    lock = FileLock(bus.root / WORKER_LOCK, fd=args.lock_fd)
    while lock.try_acquire():
        host = _host(bus, args, signals)
        drain(host, deadline=_DRAIN_SECONDS, on_pass=teller.tell_pass)
        stamp(str(bus.root))
        lock.release()
        # A hook may have found us here, and gone.
        if signals.stop or not (host.drain_spool() + host.take_in_hooks() or host.has_work()):
            break
    lock.close()


def _stay(bus: Bus, args: argparse.Namespace, signals: Signals, teller: _Teller) -> None:
    host = _host(bus, args, signals)
    while not signals.stop:
        note(f"resident with {len(host.adapters)} adapters on {bus.root}; stop with Ctrl-C")
        lanes = Lanes(bus, host.adapters, host.config, host.providers, Voice(teller.tell, note), backfill=args.backfill)
        try:
            host = _serve(host, lanes, bus, args, signals)
        finally:
            lanes.stop()
    note("stopped")


def _serve(host: Host, lanes: Lanes, bus: Bus, args: argparse.Namespace, signals: Signals) -> Host:
    """Wake lanes until told otherwise; the host to go on with."""
    resident = FileLock(bus.root / RESIDENT_LOCK)
    resident.share()  # hooks start no worker while we are here
    try:
        return _watch(host, lanes, bus, args, signals)
    finally:
        resident.close()


def _watch(host: Host, lanes: Lanes, bus: Bus, args: argparse.Namespace, signals: Signals) -> Host:
    flushed, flush_at, dirty, trouble = (0, 0), 0.0, False, ""
    with Waker(bus.root, signals.pipe) as waker:
        while not signals.stop:
            if signals.reload:
                signals.reload = False
                if (fresh := _reloaded(bus, args, signals)) is not None:
                    return fresh
            try:
                lanes.wake()
                if host.drain_spool():
                    lanes.wake()
                if host.take_in_hooks():
                    lanes.wake_all()
                dirty = (found := bus.database.version()) != flushed
                if dirty and time.monotonic() >= flush_at:
                    host.see_consumers()
                    prune_when_due(bus, host.config.retention)
                    bus.database.flush()
                    # The others' commits as of before the flush: one right behind it is still to be flushed.
                    flushed, flush_at = (found[0], bus.database.version()[1]), time.monotonic() + _FLUSH_SECONDS
                    dirty = False
                lanes.mend()
                trouble = ""
            except BusyError as error:  # most likely no room on the disk: stay, and try again every second
                if trouble != str(error):
                    note(f"{error}; trying again")
                trouble = str(error)
            waker.wait(min(_FLUSH_SECONDS, max(0.01, flush_at - time.monotonic())) if dirty else _FLUSH_SECONDS)
            signals.clear()
    return host


def _reloaded(bus: Bus, args: argparse.Namespace, signals: Signals) -> Host | None:
    """A host with the configuration as it is now; ``None`` when the file is broken, which changes nothing."""
    try:
        host = _host(bus, args, signals)
        host.config.check()
    except InputError as error:
        note(f"configuration not taken: {error}")
        return None
    note("configuration read again")
    return host
