"""Floor 5: papermill and nbconvert in one process."""
