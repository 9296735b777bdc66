"""What answers without a key: sight and words of this machine."""
