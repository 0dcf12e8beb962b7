"""Made-up courses: believable rows for each of the pipeline's tables, the same ones for the same options."""
