"""Floor 4: frames of traffic and what they say, with intervals."""
