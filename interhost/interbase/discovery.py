"""Where plugins and the monorepo are. Source: interface specification, domain 3; design section 10, decision 11."""

import os

from interhost.interbase.places import list_versions, working_directory


def plugin_cache_path(plugin: str) -> str:
    """The folder of a plugin's highest version, across marketplaces; empty when Claude Code's cache has none.

    Versions are compared as versions, and only real folders count: the cache bridges old versions to new ones with
    links. What is in the folder is not looked at.
    """
    from interhost.interbase.versions import version_key

    paths = [path for path in list_versions(plugin) if not os.path.islink(path)]
    return max(paths, key=lambda path: version_key(os.path.basename(path)), default="")


def ecosystem_root() -> str:
    """The root of the monorepo: ``DEMARCH_ROOT``, else the nearest folder from here up that has ``sdk/interbase/``."""
    if given := os.environ.get("DEMARCH_ROOT"):
        return given
    try:
        here = working_directory()
    except OSError:
        return ""
    while not os.path.isdir(f"{here}/sdk/interbase"):
        if here == (above := os.path.dirname(here)):
            return ""
        here = above
    return here
