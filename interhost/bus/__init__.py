"""The Interbus: a durable log of intents, and the host's own records beside it.

Everything here runs on the standard library, so that a short-lived publisher pays for nothing else
(``tests/test_imports.py`` holds the list). Source: design sections 4, 7 and 8.
"""
