"""Outside services: one file per wire format, one transport."""
