"""Interband: small JSON files beside the bus, one per session or process, last value only.

::

    protocol    the rules: names, documents, payloads, envelopes
    store       one file on the disk: read, replace, prune; and what interband.sh runs
    paths       where files are
    channels    the channels that are known by name
    retention   how long files stay
    read        read_sideband
    write       write_sideband, rewrite_sideband, prune_channel
    legacy      the files from before
    find        find_sideband, read_payload: a sideband, else the file from before
    watch       Watcher: what has changed
    loader      where the published shell library is

Nothing but the standard library is imported. Source: specification "Interband Sideband Protocol (v1)"; the decisions
it leaves open, and odd files, are in docs/interband.md.
"""
