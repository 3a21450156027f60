"""What Claude Code starts: ``<python> -I -S <this file>``, with the event on standard input.

Nothing but the way to our modules: a script is compiled anew every time it is started, a module once.
"""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from interhost.claude.entry import main

main()
os._exit(0)  # whatever happened; and without tidying up what ends here anyway
