"""The command line: one small module per command, imported only when it is used.

Nothing imports this package. Source: design section 9.
"""
