"""The schema of ``bus.db``, as the steps that lead to it.

A database says in ``user_version`` how many steps it has taken; opening it takes the rest, in one transaction. A
released step is never edited: a change is a new step.
"""

from __future__ import annotations

APPLICATION_ID = 0x49424C47  # "IBLG"

# No AUTOINCREMENT: it burns a number for every duplicate and costs 16 %. The trigger keeps the newest row instead, so
# that a sequence number is never used twice, even after everything was pruned (event-log.md 5.7 and 6.2).
_FIRST = """
CREATE TABLE event(
  seq INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  ts INTEGER NOT NULL,
  intent TEXT NOT NULL,
  context_id TEXT NOT NULL,
  producer TEXT NOT NULL,
  consumers TEXT,
  caused_by TEXT,
  meta TEXT NOT NULL,
  payload TEXT NOT NULL);
CREATE INDEX event_intent ON event(intent, seq);
CREATE INDEX event_context ON event(context_id, seq);
CREATE INDEX event_cause ON event(caused_by, seq) WHERE caused_by IS NOT NULL;
CREATE TRIGGER keep_newest BEFORE DELETE ON event WHEN OLD.seq = (SELECT max(seq) FROM event)
  BEGIN SELECT RAISE(IGNORE); END;

CREATE TABLE consumer(
  name TEXT PRIMARY KEY, intents TEXT NOT NULL, since INTEGER NOT NULL, head INTEGER NOT NULL,
  seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pending(
  consumer TEXT NOT NULL, seq INTEGER NOT NULL, context_id TEXT NOT NULL, attempts INTEGER NOT NULL,
  due INTEGER NOT NULL, token INTEGER, PRIMARY KEY(consumer, seq)) WITHOUT ROWID;
CREATE INDEX pending_due ON pending(consumer, due);
CREATE TABLE dead(
  consumer TEXT NOT NULL, seq INTEGER NOT NULL, event_id TEXT NOT NULL, attempts INTEGER NOT NULL,
  reason TEXT NOT NULL, ts INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY(consumer, seq)) WITHOUT ROWID;

CREATE TABLE attempt(
  seq INTEGER NOT NULL, consumer TEXT NOT NULL, started INTEGER NOT NULL, n INTEGER NOT NULL, ended INTEGER NOT NULL,
  outcome TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY(seq, consumer, started)) WITHOUT ROWID;
CREATE TABLE cursor(
  adapter TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(adapter, name)) WITHOUT ROWID;
CREATE TABLE dedupe(key TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE effect(
  event_id TEXT NOT NULL, consumer TEXT NOT NULL, action TEXT NOT NULL, ts INTEGER NOT NULL,
  PRIMARY KEY(event_id, consumer, action)) WITHOUT ROWID;
CREATE TABLE advice(
  id INTEGER PRIMARY KEY, adapter TEXT NOT NULL, session_id TEXT, context_id TEXT, text TEXT NOT NULL,
  ts INTEGER NOT NULL, expires INTEGER, given INTEGER);
CREATE TABLE submission(
  key TEXT PRIMARY KEY, kind TEXT NOT NULL, ts INTEGER NOT NULL, result TEXT) WITHOUT ROWID;
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE project(path TEXT PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE problem(
  adapter TEXT NOT NULL, stage TEXT NOT NULL, ts INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY(adapter, stage)) WITHOUT ROWID;
"""

# A hook event stays until the last adapter that observes it has looked; its key stays longer, so that the same event
# told twice is one (reference/claude-code.md section 1.9).
_HOOK_EVENTS = """
CREATE TABLE hook_event(
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, ts INTEGER NOT NULL, head TEXT NOT NULL, body TEXT);
CREATE INDEX hook_event_key ON hook_event(key, ts);
CREATE INDEX hook_event_time ON hook_event(ts);
CREATE TABLE hook_pending(
  adapter TEXT NOT NULL, id INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL,
  PRIMARY KEY(adapter, id)) WITHOUT ROWID;
"""

# What a submission was for, so that one in doubt can be shown, and a key is not taken for another request.
_SUBMISSION_REQUEST = "ALTER TABLE submission ADD COLUMN request TEXT NOT NULL DEFAULT '{}';"

MIGRATIONS: tuple[str, ...] = (_FIRST, _HOOK_EVENTS, _SUBMISSION_REQUEST)
"""Step by step; the version of a database is how many it has taken."""
