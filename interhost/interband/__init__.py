"""Interband: small JSON files beside the bus, one per session or process, last value only.

Source: specification "Interband Sideband Protocol (v1)".
"""
