"""The demo: a short sprint in a temporary home, played with the installed commands."""
