"""Conformance: cases as data that any implementation of the interbase interface is run against, in real processes."""
