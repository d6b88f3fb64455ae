"""Tests; the folders mirror what they test, `servers` holds the real servers they test against."""
