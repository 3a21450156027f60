"""The host: finds adapters, loads them, shows them what happened and delivers intents to them."""
