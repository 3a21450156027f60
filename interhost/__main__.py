"""``python -m interhost``: the program ``interhost``."""

import sys

from interhost.cli.main import interhost

sys.exit(interhost())
