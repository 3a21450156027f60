"""The interhost adapter for interpub: releases of plugins, by the traces of ``ic publish``."""
