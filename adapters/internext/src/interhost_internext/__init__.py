"""The interhost adapter for internext: open work in an order that the tracker's own numbers give."""
