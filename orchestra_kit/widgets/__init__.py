"""Floor 5: ipywidgets over the floors below."""
