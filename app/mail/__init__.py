"""Outgoing mail: a row for each, written with what it is about; the worker renders and sends it."""
