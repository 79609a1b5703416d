"""Environments. Their ids are registered with Gymnasium when `ontogym` is imported."""
