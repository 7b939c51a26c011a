"""Stores: where events are kept. Each implements the `Journal` port; nothing else knows where it writes."""
