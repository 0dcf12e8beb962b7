"""Generated courses: plausible rows for each of the pipeline's tables, the same ones for the same options."""
