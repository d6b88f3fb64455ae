"""What crosses a topic: one noun per file, and the codec that turns them into bytes."""
