"""Where things are: the user's home, Claude Code's plugin cache, and the directory we are in."""

import os


def home() -> str:
    """The user's home; empty where ``HOME`` does not name one by an absolute path."""
    given = os.environ.get("HOME", "")
    return given if given.startswith("/") else ""


def plugin_cache() -> str:
    """The folder with Claude Code's copies of plugins, as ``<marketplace>/<plugin>/<version>``; empty without a home.

    Source: reference/claude-code.md section 2.2.
    """
    root = os.environ.get("CLAUDE_CODE_PLUGIN_CACHE_DIR", "")
    if not root:
        moved, own = os.environ.get("CLAUDE_CONFIG_DIR", ""), home()
        root = f"{moved}/plugins" if moved else f"{own}/.claude/plugins" if own else ""
    return f"{root}/cache" if root else ""


def list_versions(plugin: object) -> list[str]:
    """Every folder of a plugin in the cache, in name order, links to folders included; of a hidden one nothing.

    Args:
        plugin: Its name. What cannot be a name, such as a path, has none.
    """
    root = plugin_cache()
    if not root or not isinstance(plugin, str) or plugin in ("", ".", "..") or "/" in plugin:
        return []
    return [
        path
        for marketplace in _names(root)
        for version in _names(f"{root}/{marketplace}/{plugin}")
        if os.path.isdir(path := f"{root}/{marketplace}/{plugin}/{version}")
    ]


def working_directory() -> str:
    """Where we are, as the kernel's ``ic`` sees it: ``PWD`` where that names this directory, links and all.

    Raises:
        OSError: It was removed meanwhile.
    """
    here, stated = os.getcwd(), os.environ.get("PWD", "")
    try:
        return stated if stated.startswith("/") and os.path.samefile(stated, here) else here
    except OSError:
        return here


def _names(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except (OSError, ValueError):  # not there; or a name with a NUL or half a character in it
        return []
