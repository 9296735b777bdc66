"""Values too large for a row: where they are kept, how they are handed out, and how strangers' files come in."""
