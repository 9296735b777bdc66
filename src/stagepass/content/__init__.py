"""Text for people and for models: messages, prompts, Korean particles, syllables, languages."""
